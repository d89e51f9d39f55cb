//! Tokens: fixed, or fetched when they are needed.

use super::{CallCredentials, CallInfo, SecurityLevel};
use crate::clock;
use arc_swap::ArcSwapOption;
use farcall_core::{Metadata, Status};
use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{runtime::Handle, sync::Mutex};

/// How long before its end a token is replaced in the background; at most half of its time.
const AHEAD: Duration = Duration::from_secs(60);
/// How long before its end a token is not used any more: a call takes a while to arrive. At most a quarter of its time.
const MARGIN: Duration = Duration::from_secs(5);
/// The least time from a failed attempt in the background to the next one.
const PAUSE: Duration = Duration::from_secs(1);

/// A bearer token in `authorization` (RFC 6750), or in another header.
///
/// ```
/// use farcall::{Status, credentials::{AccessToken, Token}};
/// use std::time::Duration;
///
/// let fixed = Token::fixed("eyJhbGciOi…");
/// let refreshing = Token::refreshing(|| async {
///     // Ask the token server here.
///     let token = AccessToken::new("eyJhbGciOi…").expires_in(Duration::from_secs(3600));
///     Ok::<_, Status>(token)
/// });
/// # let _ = (fixed, refreshing);
/// ```
#[derive(Clone)]
pub struct Token {
    source: Source,
    header: String,
    required: SecurityLevel,
}

#[derive(Clone)]
enum Source {
    Fixed(Arc<str>),
    Refreshing(Arc<Refreshing>),
}

/// A token as a token server gives it.
///
/// ```
/// use farcall::credentials::AccessToken;
/// use std::time::Duration;
///
/// let token = AccessToken::new("abc").expires_in(Duration::from_secs(600));
/// assert_eq!(format!("{token:?}"), "AccessToken(…)");
/// ```
#[derive(Clone)]
pub struct AccessToken {
    value: Arc<str>,
    end: Option<End>,
}

/// The end of a token that was good for so long.
#[derive(Clone, Copy)]
struct End {
    at: Instant,
    time: Duration,
}

impl AccessToken {
    /// A token without an end.
    pub fn new(value: impl Into<String>) -> AccessToken {
        let value: String = value.into();
        AccessToken {
            value: value.into(),
            end: None,
        }
    }

    /// It is good for so long from now on.
    pub fn expires_in(self, time: Duration) -> AccessToken {
        let at = clock::after(clock::now(), time);
        let end = Some(End { at, time });
        AccessToken { end, ..self }
    }

    /// Whether it can be used.
    fn is_good(&self, now: Instant) -> bool {
        self.end
            .is_none_or(|end| now + MARGIN.min(end.time / 4) < end.at)
    }

    /// Whether it is time to replace it.
    fn is_old(&self, now: Instant) -> bool {
        self.end
            .is_some_and(|end| now + AHEAD.min(end.time / 2) >= end.at)
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken(…)")
    }
}

type Fetch = Box<
    dyn Fn() -> Pin<Box<dyn Future<Output = Result<AccessToken, Status>> + Send>> + Send + Sync,
>;

struct Refreshing {
    fetch: Fetch,
    token: ArcSwapOption<AccessToken>,
    /// Held by the one who fetches; what the last attempt failed with, and when.
    fetching: Mutex<Option<Failure>>,
    /// Attempts that are over: who has waited for one takes its outcome.
    attempts: AtomicU64,
}

struct Failure {
    status: Status,
    at: Instant,
}

impl Token {
    /// Always the same token.
    pub fn fixed(token: impl Into<String>) -> Token {
        let token: String = token.into();
        Token::of(Source::Fixed(token.into()))
    }

    /// A token that `fetch` gets when there is none that is good any more. Calls that need it meanwhile wait for the same
    /// attempt, and share its outcome: there is one at a time. A minute before its end, or when half of its time is over if that is later, it is
    /// replaced in the background, and calls go on with the old one; from 5 s before its end, or in the last quarter of its time, they wait. A failed
    /// attempt fails the calls that waited for it, and the next call makes another one; in the background there is a second between two.
    ///
    /// Dropping the call that fetches passes the task on to the next that waits.
    pub fn refreshing<F, Fut>(fetch: F) -> Token
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<AccessToken, Status>> + Send + 'static,
    {
        Token::of(Source::Refreshing(Arc::new(Refreshing {
            fetch: Box::new(move || Box::pin(fetch())),
            token: ArcSwapOption::empty(),
            fetching: Mutex::default(),
            attempts: AtomicU64::new(0),
        })))
    }

    fn of(source: Source) -> Token {
        Token {
            source,
            header: "authorization".into(),
            required: SecurityLevel::PrivacyAndIntegrity,
        }
    }

    /// Sends the token alone in this header instead of `Bearer` and the token in `authorization`.
    pub fn header(mut self, name: impl Into<String>) -> Token {
        self.header = name.into();
        self
    }

    /// How well the connection must be protected. Default: [`SecurityLevel::PrivacyAndIntegrity`]. With
    /// [`SecurityLevel::None`] everybody on the way can read the token and use it.
    pub fn require_security(mut self, level: SecurityLevel) -> Token {
        self.required = level;
        self
    }
}

impl CallCredentials for Token {
    async fn metadata(&self, _: &CallInfo) -> Result<Metadata, Status> {
        let token = match &self.source {
            Source::Fixed(token) => Arc::clone(token),
            Source::Refreshing(refreshing) => refreshing.token().await?,
        };
        let mut metadata = Metadata::new();
        let value = match self.header.as_str() {
            "authorization" => format!("Bearer {token}"),
            _ => token.to_string(),
        };
        metadata.insert_sensitive(&self.header, value);
        Ok(metadata)
    }

    fn required_security(&self) -> SecurityLevel {
        self.required
    }
}

impl Refreshing {
    async fn token(self: &Arc<Self>) -> Result<Arc<str>, Status> {
        let now = clock::now();
        if let Some(token) = self.good(now) {
            if token.is_old(now) {
                self.refresh_ahead();
            }
            return Ok(Arc::clone(&token.value));
        }
        let before = self.attempts.load(Ordering::Acquire);
        let mut failure = self.fetching.lock().await;
        if let Some(token) = self.good(clock::now()) {
            return Ok(Arc::clone(&token.value));
        }
        if self.attempts.load(Ordering::Acquire) != before
            && let Some(failure) = &*failure
        {
            return Err(failure.status.clone());
        }
        self.fetch(&mut failure).await
    }

    /// The token, if it can be used.
    fn good(&self, now: Instant) -> Option<Arc<AccessToken>> {
        self.token.load_full().filter(|token| token.is_good(now))
    }

    async fn fetch(&self, failure: &mut Option<Failure>) -> Result<Arc<str>, Status> {
        let outcome = (self.fetch)().await;
        self.attempts.fetch_add(1, Ordering::Release);
        match outcome {
            Ok(token) => {
                let value = Arc::clone(&token.value);
                self.token.store(Some(Arc::new(token)));
                *failure = None;
                Ok(value)
            }
            Err(status) => {
                *failure = Some(Failure {
                    status: status.clone(),
                    at: clock::now(),
                });
                Err(status)
            }
        }
    }

    /// Fetches the next token while the old one is still good.
    fn refresh_ahead(self: &Arc<Self>) {
        match self.fetching.try_lock() {
            Ok(failure) if self.may_refresh(failure.as_ref()) => {}
            _ => return,
        }
        if let Ok(runtime) = Handle::try_current() {
            let this = Arc::clone(self);
            runtime.spawn(async move {
                if let Ok(mut failure) = this.fetching.try_lock()
                    && this.may_refresh(failure.as_ref())
                {
                    // The old one serves until its end; then a call hears of it.
                    this.fetch(&mut failure).await.ok();
                }
            });
        }
    }

    /// Whether nobody else has replaced the token, or has just tried to.
    fn may_refresh(&self, failure: Option<&Failure>) -> bool {
        let now = clock::now();
        let token = self.token.load();
        token.as_ref().is_none_or(|token| token.is_old(now))
            && failure.is_none_or(|failure| now.saturating_duration_since(failure.at) >= PAUSE)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("header", &self.header)
            .field("required", &self.required)
            .finish_non_exhaustive()
    }
}
