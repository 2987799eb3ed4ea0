//! The practice account in the real app: from the first start through the guided exercise to the statement that decided.
//!
//! Nothing is set up for it: this is what somebody without any profile meets. Every step is really called and really answered.

use crate::{
    driver::Driven,
    world::{World, until},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_takes_the_exercise_from_the_first_start_to_the_revoked_session() {
    let world = World::new().await;
    let app = Driven::start(&world).await;
    app.press("button", "Open the practice account").await;

    app.says("practice-partner").await;
    app.find("[data-testid=practice-qr]").await;
    app.press("button", "Begin the exercise").await;
    app.says("0 of 6 done").await;
    for (number, button) in
        [(1, "Create user sam"), (2, "Create role Reports"), (3, "Let sam assume Reports"), (4, "Ask sam for MFA"), (5, "Lend Reports"), (6, "Revoke")]
    {
        app.press("button.primary", button).await;
        if number < 6 {
            app.says(&format!("{number} of 6 done")).await;
            app.press("button.primary", "Next:").await;
        }
    }
    app.says("All done").await;
    app.says("AWSRevokeOlderSessions").await;

    app.press("[role=tab]", "Calls").await;
    app.press("button", "AccessDenied").await;
    app.says("A deny wins over every allow").await;
    let words = app.text().await;
    assert!(!words.contains("Encoded authorization"), "a person reads sentences, not blobs");

    // What the exercise held in memory is nowhere a window, a file or an argument could show it.
    let page = app.page.source().await.unwrap();
    assert!(!page.contains("SecretAccessKey") && !page.contains("SessionToken"));
    app.press("[role=tab]", "Reset").await;
    app.press("button", "Reset the practice account to its start").await;
    app.says("The practice account is as it was at its start").await;
    app.press("[role=tab]", "Who exists").await;
    app.says("PartnerAudit").await;
    until("what the exercise made to be gone", async || (!app.text().await.contains("auditor")).then_some(())).await;
    app.end().await;
}
