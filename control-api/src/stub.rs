//! Draft.
use crate::api::body::IdempotencyKey;
use crate::caller::*;
use crate::model::{event::*, organiser::*, person::*, replay::*, stage::*, upload::*};
use crate::problem::Problem;
use crate::state::App;
use ids::*;
pub(crate) struct SignedIn {
    pub(crate) secret: String,
    pub(crate) session: OrganiserSession,
}
type R<T> = Result<T, Problem>;
macro_rules! stub {
    ($n:ident, $r:ty, $a:ty) => {
        pub(crate) async fn $n(&self, _: $a) -> R<$r> {
            Err(Problem::NotFound)
        }
    };
    ($n:ident, $r:ty, $a:ty, $b:ty) => {
        pub(crate) async fn $n(&self, _: $a, _: $b) -> R<$r> {
            Err(Problem::NotFound)
        }
    };
    ($n:ident, $r:ty, $a:ty, $b:ty, $c:ty) => {
        pub(crate) async fn $n(&self, _: $a, _: $b, _: $c) -> R<$r> {
            Err(Problem::NotFound)
        }
    };
    ($n:ident, $r:ty, $a:ty, $b:ty, $c:ty, $d:ty) => {
        pub(crate) async fn $n(&self, _: $a, _: $b, _: $c, _: $d) -> R<$r> {
            Err(Problem::NotFound)
        }
    };
}
macro_rules! stubs { ($($name:ident ( $($t:ty),* ) -> $r:ty;)*) => { $(
    #[allow(clippy::too_many_arguments)]
    impl App { stub!($name, $r, $($t),*); } )* } }
impl App {
    pub(crate) fn session_cookie(&self, _: &str) -> [(axum::http::HeaderName, String); 1] {
        [(axum::http::header::SET_COOKIE, String::new())]
    }
    pub(crate) fn no_session_cookie(&self) -> [(axum::http::HeaderName, String); 1] {
        [(axum::http::header::SET_COOKIE, String::new())]
    }
}
stubs! {
 sign_in(&SignIn, ClientAddress) -> SignedIn;
 sign_in_with_link(&SignInLink, ClientAddress) -> SignedIn;
 organiser_session(&OrganiserCaller) -> OrganiserSession;
 sign_out(&OrganiserCaller) -> ();
 change_profile(&OrganiserCaller, &Profile) -> OrganiserSession;
 events(&OrganiserCaller, &PageQuery) -> EventPage;
 create_event(&OrganiserCaller, IdempotencyKey, &NewEvent) -> Event;
 own_event(&OrganiserCaller, &EventId) -> Event;
 change_event(&OrganiserCaller, &EventId, EventChange) -> Event;
 delete_event(&OrganiserCaller, &EventId) -> ();
 event_preview(&str) -> EventPreview;
 enter(Entry, ClientAddress) -> Experience;
 me(PersonCaller) -> Me;
 reception(&EventCaller, &EventId) -> Reception;
 invitations(&OrganiserCaller, &EventId) -> InvitationList;
 invite(&OrganiserCaller, &EventId, IdempotencyKey, &NewInvitation) -> Invitation;
 revoke_invitation(&OrganiserCaller, &EventId, &InvitationId) -> ();
 stages(&EventCaller, &EventId) -> StageList;
 create_stage(&OrganiserCaller, &EventId, IdempotencyKey, &NewStage) -> Stage;
 stage(&EventCaller, &StageId) -> Stage;
 change_stage(&OrganiserCaller, &StageId, &StageChange) -> Stage;
 delete_stage(&OrganiserCaller, &StageId) -> ();
 join_stage(&EventCaller, &StageId, StageRole) -> StageJoin;
 set_programme(&OrganiserCaller, &StageId, Programme) -> Programme;
 go_live(&OrganiserCaller, &StageId) -> StageStatus;
 end_stage(&OrganiserCaller, &StageId) -> StageStatus;
 stage_status(&EventCaller, &StageId) -> StageStatus;
 watching(&PersonCaller, &StageId) -> Viewers;
 sessions(&EventCaller, &EventId) -> SessionList;
 create_session(&OrganiserCaller, &EventId, IdempotencyKey, &NewSession) -> Session;
 session(&EventCaller, &SessionId) -> Session;
 change_session(&OrganiserCaller, &SessionId, SessionChange) -> Session;
 delete_session(&OrganiserCaller, &SessionId) -> ();
 join_session(&EventCaller, &SessionId, bool) -> RoomJoin;
 replays(&EventCaller, &EventId) -> ReplayList;
 replay(&EventCaller, &AssetId) -> Replay;
 delete_replay(&OrganiserCaller, &AssetId) -> ();
 captions(&EventCaller, &AssetId) -> CaptionList;
 add_caption(&OrganiserCaller, &AssetId, &NewCaption, axum::body::Bytes) -> Caption;
 caption(&EventCaller, &AssetId, &TextTrackId) -> String;
 delete_caption(&OrganiserCaller, &AssetId, &TextTrackId) -> ();
 create_upload(&OrganiserCaller, &EventId, IdempotencyKey, &NewUpload) -> Upload;
 upload(&OrganiserCaller, &UploadId) -> Upload;
 complete_upload(&OrganiserCaller, &UploadId) -> Upload;
}
