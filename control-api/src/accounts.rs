//! Organisers sign in, stay signed in, and keep their profile.

use std::net::Ipv4Addr;
use std::time::Duration;

use axum::http::{HeaderName, header};
use ids::OrganiserId;

use crate::caller::{ClientAddress, OrganiserCaller};
use crate::db::accounts::{Account, AccountChange};
use crate::model::organiser::{OrganiserSession, Profile, SignIn, SignInLink};
use crate::model::text;
use crate::password;
use crate::problem::Problem;
use crate::secret;
use crate::state::App;

/// A fresh session and the secret that its cookie holds.
pub(crate) struct SignedIn {
    pub(crate) secret: String,
    pub(crate) session: OrganiserSession,
}

impl App {
    pub(crate) async fn sign_in(&self, body: &SignIn, address: ClientAddress) -> Result<SignedIn, Problem> {
        let email = body.email.trim().to_lowercase();
        if email.len() > 254 || body.password.len() > password::LONGEST {
            return Err(Problem::WrongPassword);
        }
        self.limits.sign_in.check((email.clone(), address.0))?;
        let account = self.store.account_by_email(&email).await?;
        let hash = account.as_ref().and_then(|account| account.password_hash.as_deref());
        let right = password::verify(&body.password, hash).await;
        match account {
            Some(account) if right => self.open_session(account).await,
            Some(_) | None => {
                self.metrics.refused_sign_ins.inc();
                Err(Problem::WrongPassword)
            }
        }
    }

    pub(crate) async fn sign_in_with_link(
        &self,
        body: &SignInLink,
        address: ClientAddress,
    ) -> Result<SignedIn, Problem> {
        // 256 random bits cannot be guessed; the limit only spares the database.
        self.limits.links.check(address.0)?;
        let Some(organiser) = self.store.take_sign_in_link(&secret::hash(&body.token)).await? else {
            self.metrics.refused_sign_ins.inc();
            return Err(Problem::DeadLink);
        };
        let account = self.account(&organiser).await?;
        self.open_session(account).await
    }

    pub(crate) async fn organiser_session(
        &self,
        caller: &OrganiserCaller,
    ) -> Result<OrganiserSession, Problem> {
        let account = self.account(&caller.id).await?;
        Ok(session(account, &caller.csrf_token))
    }

    pub(crate) async fn sign_out(&self, caller: &OrganiserCaller) -> Result<(), Problem> {
        Ok(self.store.close_session(&caller.session_hash).await?)
    }

    pub(crate) async fn change_profile(
        &self,
        caller: &OrganiserCaller,
        profile: &Profile,
    ) -> Result<OrganiserSession, Problem> {
        let name = text::required("name", &profile.name, text::MAX_NAME)?;
        let email = text::email("email", &profile.email)?;
        let account = self.account(&caller.id).await?;
        // Either would let whoever found an open session take the account over.
        if profile.password.is_some() || account.organiser.email.as_ref() != Some(&email) {
            self.confirm_password(&account, profile.current_password.as_deref()).await?;
        }
        let password_hash = match &profile.password {
            Some(new) => Some(new_password(new).await?),
            None => None,
        };
        let change = AccountChange { name, email, password_hash };
        match self.store.change_account(caller, &change).await {
            Err(error) if ::db::is_unique_violation(&error) => {
                Err(Problem::conflict("email-taken", "Another organiser has this address."))
            }
            changed => {
                changed?;
                self.organiser_session(caller).await
            }
        }
    }

    /// An account that has a password changes only for whoever knows it.
    async fn confirm_password(&self, account: &Account, current: Option<&str>) -> Result<(), Problem> {
        let Some(hash) = account.password_hash.as_deref() else { return Ok(()) };
        self.limits.sign_in.check((account.organiser.id.to_string(), Ipv4Addr::UNSPECIFIED.into()))?;
        let current = current.filter(|current| current.len() <= password::LONGEST).unwrap_or_default();
        if password::verify(current, Some(hash)).await { Ok(()) } else { Err(Problem::WrongPassword) }
    }

    async fn account(&self, id: &OrganiserId) -> Result<Account, Problem> {
        self.store.account(id).await?.ok_or(Problem::Unauthorised)
    }

    async fn open_session(&self, account: Account) -> Result<SignedIn, Problem> {
        let (secret, csrf_token) = (secret::random(), secret::random());
        let id = account.organiser.id.clone();
        self.store.open_session(&id, &secret::hash(&secret), &csrf_token, SESSION_LIFETIME).await?;
        Ok(SignedIn { secret, session: session(account, &csrf_token) })
    }

    /// The header that keeps the organiser signed in.
    pub(crate) fn session_cookie(&self, secret: &str) -> [(HeaderName, String); 1] {
        let age = SESSION_LIFETIME.as_secs();
        self.cookie(secret, age)
    }

    /// The header that removes the cookie.
    pub(crate) fn no_session_cookie(&self) -> [(HeaderName, String); 1] {
        self.cookie("", 0)
    }

    fn cookie(&self, value: &str, age: u64) -> [(HeaderName, String); 1] {
        let secure = if self.secure_cookies() { "; Secure" } else { "" };
        let name = self.cookie_name();
        [(
            header::SET_COOKIE,
            format!("{name}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}"),
        )]
    }
}

async fn new_password(new: &str) -> Result<String, Problem> {
    if (password::SHORTEST..=password::LONGEST).contains(&new.len()) {
        Ok(password::hash(new).await)
    } else {
        Err(Problem::invalid("password", "must have 12 to 256 characters"))
    }
}

fn session(account: Account, csrf_token: &str) -> OrganiserSession {
    let Account { organiser, organisation, .. } = account;
    OrganiserSession { organiser, organisation, csrf_token: csrf_token.to_owned() }
}

/// A week: an event's preparation is not interrupted, a forgotten computer is not open for ever.
const SESSION_LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);
