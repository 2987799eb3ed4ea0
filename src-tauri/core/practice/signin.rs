//! The federation endpoint: temporary credentials in, a sign-in token out; with it, a page that says who signed in.
//!
//! The rules are the console's: SessionDuration never with federation or chained credentials, GetSessionToken credentials
//! not at all, a link for 15 minutes. No secret is on the page.

use http::{HeaderValue, StatusCode, header};
use hyper::{Response, body::Bytes};
use time::Duration;

use super::{
    Inner,
    authenticate::open_credentials,
    caller::{Principal, Who},
    fault::{Fault, Outcome},
    incoming::Incoming,
    params::Params,
    record::Call,
    session::{Session, SessionKind, SignIn},
    xml::escape,
};

/// How long a link works.
const LINK: Duration = Duration::minutes(15);

struct Page {
    status: StatusCode,
    kind: &'static str,
    body: String,
}

pub(super) fn answer(inner: &Inner, incoming: &Incoming, params: Outcome<Params>) -> Response<Bytes> {
    let page = params.and_then(|params| match params.get("Action") {
        Some("getSigninToken") => recorded(inner, incoming, "getSigninToken", |call| token(inner, &params, call)),
        Some("login") => recorded(inner, incoming, "login", |call| login(inner, &params, call)),
        Some(_) | None => Err(bad("The parameter Action must be getSigninToken or login")),
    });
    let page = page.unwrap_or_else(|fault| Page {
        status: StatusCode::BAD_REQUEST,
        kind: "text/html; charset=utf-8",
        body: html("Sign-in failed", &format!("<p>{}</p>", escape(&fault.message))),
    });
    let mut response = Response::new(Bytes::from(page.body));
    *response.status_mut() = page.status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(page.kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'"));
    response
}

fn recorded(inner: &Inner, incoming: &Incoming, action: &str, run: impl FnOnce(&mut Call) -> Outcome<Page>) -> Outcome<Page> {
    let event_id = inner.state().draw.uuid();
    let mut call = Call::new(event_id, inner.clock.now());
    call.named("signin", action);
    call.source_ip = incoming.peer.to_string();
    let outcome = run(&mut call);
    if let Err(fault) = &outcome {
        call.refused(fault, None, &Params::default());
    }
    inner.state().calls.record(call);
    outcome
}

fn token(inner: &Inner, params: &Params, call: &mut Call) -> Outcome<Page> {
    let json = params.get("Session").ok_or_else(|| bad("The parameter Session is missing"))?;
    let json: serde_json::Value = serde_json::from_str(json).map_err(|_| bad("The parameter Session is no JSON"))?;
    let text = |name: &str| json.get(name).and_then(serde_json::Value::as_str).ok_or_else(|| bad(&format!("The parameter Session has no {name}")));
    let (id, secret, session_token) = (text("sessionId")?, text("sessionKey")?, text("sessionToken")?);
    id.clone_into(&mut call.access_key_id);
    let now = call.at;
    let session = open_credentials(inner, id, secret, session_token).map_err(|_| bad("The credentials are not valid"))?;
    if session.expires <= now {
        return Err(bad("The credentials have expired"));
    }
    if session.kind == SessionKind::Token {
        return Err(bad("Credentials of GetSessionToken cannot sign in to the console; assume a role or use GetFederationToken"));
    }
    let until = match params.get("SessionDuration") {
        None => session.expires,
        Some(_) if session.kind == SessionKind::Federated => return Err(bad("SessionDuration cannot be used with credentials of GetFederationToken")),
        Some(_) if session.chained => return Err(bad("SessionDuration cannot be used with credentials of a chained role")),
        Some(seconds) => {
            let seconds = seconds.parse::<i64>().ok().filter(|seconds| (900..=43200).contains(seconds));
            now + Duration::seconds(seconds.ok_or_else(|| bad("SessionDuration must be a number from 900 to 43200"))?)
        }
    };
    let mut state = inner.state();
    let account = state.seen().accounts.get(&session.account).ok_or_else(|| bad("The credentials are not valid"))?;
    let arn = principal(&session, account).ok_or_else(|| bad("The credentials are not valid"))?.arn(account);
    call.principal_arn.clone_from(&arn);
    call.account_id.clone_from(&session.account);
    let sign_in = SignIn { arn, account: session.account.clone(), link_expires: now + LINK, session_expires: until };
    let token = inner.sign_ins.seal(&sign_in, &mut state.draw).ok_or_else(|| bad("The sign-in token could not be made"))?;
    Ok(Page { status: StatusCode::OK, kind: "application/json", body: serde_json::json!({ "SigninToken": token }).to_string() })
}

fn principal(session: &Session, account: &super::state::Account) -> Option<Principal> {
    let who = match session.kind {
        SessionKind::Role => Who::Role(account.role_by_id(&session.of)?.entity.name.clone()),
        SessionKind::Token | SessionKind::Federated if session.of == account.id => Who::Root,
        SessionKind::Token | SessionKind::Federated => Who::User(account.user_by_id(&session.of)?.entity.name.clone()),
    };
    Some(Principal { account: account.id.clone(), who, session: Some(session.clone()) })
}

fn login(inner: &Inner, params: &Params, call: &mut Call) -> Outcome<Page> {
    let token = params.get("SigninToken").ok_or_else(|| bad("The parameter SigninToken is missing"))?;
    let destination = params.get("Destination").ok_or_else(|| bad("The parameter Destination is missing"))?;
    let destination = url::Url::parse(destination).ok().filter(|url| matches!(url.scheme(), "https" | "http"));
    let destination = destination.ok_or_else(|| bad("The parameter Destination is no URL"))?;
    let sign_in: SignIn = inner.sign_ins.open(token).ok_or_else(|| bad("The sign-in token is not valid"))?;
    call.principal_arn.clone_from(&sign_in.arn);
    call.account_id.clone_from(&sign_in.account);
    if sign_in.link_expires <= call.at {
        return Err(bad("The sign-in token has expired: a link works for 15 minutes"));
    }
    let issuer = params.get("Issuer").map(|issuer| format!("<dt>Came from</dt><dd>{}</dd>", escape(issuer))).unwrap_or_default();
    let body = format!(
        "<p>You are signed in to the practice account. A real account would now show its console.</p><dl><dt>Signed in as</dt><dd>{}</dd>\
         <dt>Account</dt><dd>{}</dd><dt>Until</dt><dd>{}</dd><dt>Going to</dt><dd>{}</dd>{issuer}</dl>",
        escape(&sign_in.arn),
        escape(&sign_in.account),
        super::time_text(sign_in.session_expires),
        escape(destination.as_str()),
    );
    Ok(Page { status: StatusCode::OK, kind: "text/html; charset=utf-8", body: html("Practice account", &body) })
}

fn html(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title><style>body{{font:16px/1.5 system-ui,sans-serif;max-width:44rem;\
         margin:4rem auto;padding:0 1rem;color-scheme:light dark}}dt{{font-weight:600}}dd{{margin:0 0 .75rem;overflow-wrap:anywhere}}</style></head>\
         <body><h1>{title}</h1>{body}</body></html>"
    )
}

fn bad(message: &str) -> Fault {
    Fault::new("InvalidRequest", message)
}
