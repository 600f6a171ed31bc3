//! The control API as an organiser and as a person inside an event call it.
//!
//! Only what the demo and the tests need; browsers use the client generated from the OpenAPI document.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Why a call did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The server answered with a problem (RFC 9457).
    #[error("{method} {path}: {status}: {problem}")]
    Problem {
        /// Method of the call.
        method: Method,
        /// Path of the call.
        path: String,
        /// Status of the answer.
        status: StatusCode,
        /// Title and detail.
        problem: String,
    },
    /// The server cannot be reached, or its answer is not what the API promises.
    #[error("{path}")]
    Http {
        /// Path of the call.
        path: String,
        /// What happened.
        source: reqwest::Error,
    },
}

/// A signed-in organiser.
#[derive(Debug, Clone)]
pub struct Organiser {
    caller: Caller,
}

/// An event that was made.
#[derive(Debug, Clone, Deserialize)]
pub struct Event {
    /// Its id.
    pub id: String,
    /// In the attendees' address.
    pub slug: String,
}

/// A way into a room.
#[derive(Debug, Clone, Deserialize)]
pub struct RoomJoin {
    /// Where the SFU is.
    pub room_url: String,
    /// Opens it.
    pub room_token: String,
    /// Who the bearer is in it.
    pub identity: String,
}

/// What the control room shows of a stage; the part that programs act on.
#[derive(Debug, Clone, Deserialize)]
pub struct StageStatus {
    /// `off_air`, `starting`, `live`, `ending` or `ended`.
    pub state: String,
    /// Plays live and as the replay.
    pub hls_url: Option<String>,
    /// Asset of the recording.
    pub replay_id: Option<String>,
    /// Length so far.
    pub recorded_ms: Option<u64>,
    /// The storage has everything up to this moment (RFC 3339).
    pub saved_up_to: Option<String>,
    /// The replay, once it plays.
    pub replay: Option<Value>,
    /// What is wrong at the moment.
    pub trouble: Option<String>,
}

impl Organiser {
    /// Signs in with the token of a one-time link.
    ///
    /// # Errors
    /// When the token is not good or the server does not answer.
    pub async fn sign_in_with_link(base_url: &str, token: &str) -> Result<Self, ControlError> {
        Self::sign_in_by(base_url, "/api/v1/auth/link", json!({ "token": token })).await
    }

    /// Signs in with address and password.
    ///
    /// # Errors
    /// When they are not good or the server does not answer.
    pub async fn sign_in(base_url: &str, email: &str, password: &str) -> Result<Self, ControlError> {
        Self::sign_in_by(base_url, "/api/v1/auth/sign-in", json!({ "email": email, "password": password }))
            .await
    }

    async fn sign_in_by(base_url: &str, path: &str, body: Value) -> Result<Self, ControlError> {
        #[derive(Deserialize)]
        struct Session {
            csrf_token: String,
        }
        let mut caller = Caller::new(base_url);
        let session: Session = caller.call(Method::POST, path, Some(body)).await?;
        caller.csrf_token = Some(session.csrf_token);
        Ok(Self { caller })
    }

    /// Makes an event that lasts from `starts_at` to `ends_at` (RFC 3339).
    ///
    /// # Errors
    /// As the API says.
    pub async fn create_event(
        &self,
        title: &str,
        (starts_at, ends_at): (&str, &str),
        access: &str,
    ) -> Result<Event, ControlError> {
        let body = json!({ "title": title, "starts_at": starts_at, "ends_at": ends_at, "access": access });
        self.caller.call(Method::POST, "/api/v1/events", Some(body)).await
    }

    /// Makes a stage and returns its id.
    ///
    /// # Errors
    /// As the API says.
    pub async fn create_stage(&self, event_id: &str, title: &str) -> Result<String, ControlError> {
        let path = format!("/api/v1/events/{event_id}/stages");
        let made: Made = self.caller.call(Method::POST, &path, Some(json!({ "title": title }))).await?;
        Ok(made.id)
    }

    /// Invites a speaker and returns the invitation's secret.
    ///
    /// # Errors
    /// As the API says.
    pub async fn invite_speaker(
        &self,
        event_id: &str,
        stage_id: &str,
        name: &str,
    ) -> Result<String, ControlError> {
        #[derive(Deserialize)]
        struct Invitation {
            link: String,
        }
        let path = format!("/api/v1/events/{event_id}/invitations");
        let body = json!({ "role": "speaker", "name": name, "stage_id": stage_id });
        let invitation: Invitation = self.caller.call(Method::POST, &path, Some(body)).await?;
        Ok(invitation
            .link
            .split_once("#invitation=")
            .map(|(_, secret)| secret.to_owned())
            .unwrap_or_default())
    }

    /// Says who is on the stage, in tile order, and the layout (`solo`, `side_by_side`, `grid`).
    ///
    /// # Errors
    /// As the API says.
    pub async fn set_programme(
        &self,
        stage_id: &str,
        layout: &str,
        on_stage: &[String],
    ) -> Result<(), ControlError> {
        let path = format!("/api/v1/stages/{stage_id}/programme");
        let body = json!({ "layout": layout, "on_stage": on_stage });
        self.caller.call::<Value>(Method::PUT, &path, Some(body)).await.map(drop)
    }

    /// Takes a stage on air.
    ///
    /// # Errors
    /// As the API says.
    pub async fn go_live(&self, stage_id: &str) -> Result<(), ControlError> {
        let path = format!("/api/v1/stages/{stage_id}/go-live");
        self.caller.call::<Value>(Method::POST, &path, None).await.map(drop)
    }

    /// Ends it.
    ///
    /// # Errors
    /// As the API says.
    pub async fn end_stage(&self, stage_id: &str) -> Result<(), ControlError> {
        let path = format!("/api/v1/stages/{stage_id}/end");
        self.caller.call::<Value>(Method::POST, &path, None).await.map(drop)
    }

    /// What the stage does.
    ///
    /// # Errors
    /// As the API says.
    pub async fn stage_status(&self, stage_id: &str) -> Result<StageStatus, ControlError> {
        self.caller.call(Method::GET, &format!("/api/v1/stages/{stage_id}/status"), None).await
    }

    /// Asks for the status until `wanted` says yes.
    ///
    /// # Errors
    /// As the API says. It has no deadline of its own.
    pub async fn wait_for_stage(
        &self,
        stage_id: &str,
        wanted: impl Fn(&StageStatus) -> bool,
    ) -> Result<StageStatus, ControlError> {
        let mut tick = tokio::time::interval(POLL);
        loop {
            tick.tick().await;
            let status = self.stage_status(stage_id).await?;
            if wanted(&status) {
                return Ok(status);
            }
        }
    }

    /// Any other call under the base URL.
    ///
    /// # Errors
    /// As the API says.
    pub async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<T, ControlError> {
        self.caller.call(method, path, body).await
    }
}

/// A person inside one event.
#[derive(Debug, Clone)]
pub struct Person {
    caller: Caller,
}

impl Person {
    /// Enters with the secret of an invitation.
    ///
    /// # Errors
    /// When it is not good or the server does not answer.
    pub async fn enter_invited(base_url: &str, invitation: &str) -> Result<Self, ControlError> {
        #[derive(Deserialize)]
        struct Experience {
            token: String,
        }
        let mut caller = Caller::new(base_url);
        let body = json!({ "invitation": invitation });
        let experience: Experience = caller.call(Method::POST, "/api/v1/experience", Some(body)).await?;
        caller.token = Some(experience.token);
        Ok(Self { caller })
    }

    /// Goes backstage.
    ///
    /// # Errors
    /// As the API says.
    pub async fn join_backstage(&self, stage_id: &str) -> Result<RoomJoin, ControlError> {
        let path = format!("/api/v1/stages/{stage_id}/join");
        self.caller.call(Method::POST, &path, Some(json!({ "role": "backstage" }))).await
    }
}

#[derive(Deserialize)]
struct Made {
    id: String,
}

#[derive(Debug, Clone)]
struct Caller {
    http: reqwest::Client,
    base_url: String,
    csrf_token: Option<String>,
    token: Option<String>,
}

impl Caller {
    fn new(base_url: &str) -> Self {
        let http = reqwest::Client::builder()
            .cookie_store(true)
            .timeout(ANSWER)
            .build()
            .expect("the client's settings are fixed and good");
        let base_url = base_url.trim_end_matches('/').to_owned();
        Self { http, base_url, csrf_token: None, token: None }
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<T, ControlError> {
        let failed = |source| ControlError::Http { path: path.to_owned(), source };
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.base_url));
        if let Some(csrf) = &self.csrf_token {
            request = request.header("X-CSRF-Token", csrf).header("Origin", &self.base_url);
        }
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = &body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(failed)?;
        let status = response.status();
        if !status.is_success() {
            let problem: Value = response.json().await.unwrap_or_default();
            let text = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
            let problem = format!("{} {}", text("title"), text("detail"));
            return Err(ControlError::Problem { method, path: path.to_owned(), status, problem });
        }
        if status == StatusCode::NO_CONTENT {
            // Callers of such routes ask for a `Value`, which null is.
            let null = serde_json::from_value(Value::Null);
            return null.map_err(|_| ControlError::Problem {
                method,
                path: path.to_owned(),
                status,
                problem: "an answer without content".to_owned(),
            });
        }
        response.json().await.map_err(failed)
    }
}

const ANSWER: Duration = Duration::from_secs(20);

const POLL: Duration = Duration::from_millis(200);
