//! The shell around the page: tray, window, one instance, quitting.
//!
//! What a session is worth does not matter here; that closing leaves the tray, that a second start shows the first one's window
//! and that a machine without a display gets a sentence does.

use crate::{
    driver::Driven,
    world::{World, ended, until},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_start_has_a_tray_and_no_window_until_it_is_asked_for() {
    let world = World::new().await;
    let mut app = world.app().arg("--hidden").spawn().unwrap();
    world.bus.wait_for("Open Stagedoor").await;
    assert_eq!(world.bus.labels().await.first().map(String::as_str), Some("No active session"));
    assert!(world.windows().is_empty(), "a window nobody asked for: {:?}", world.windows());
    assert!(!world.processes().iter().any(|(_, command)| command.contains("WebKitWebProcess")), "a web view without a window");

    world.bus.press(&["Open Stagedoor"]).await;
    until("the window", async || world.windows().contains(&"Stagedoor".to_owned()).then_some(())).await;

    world.bus.press(&["Quit Stagedoor"]).await;
    assert!(ended(&mut app).await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_window_is_named_and_loads_nothing_foreign() {
    let world = World::new().await;
    let driven = Driven::start(&world).await;
    until("the title", async || (driven.page.title().await.ok()? == "Stagedoor").then_some(())).await;
    let before = driven.page.current_url().await.unwrap();
    assert_eq!(before.scheme(), "tauri");
    driven.page.execute("location.href = 'http://127.0.0.1:9/foreign'", vec![]).await.unwrap();
    let evaluated = driven.page.execute("try { return String((0, eval)('1+1')) } catch (refused) { return refused.name }", vec![]).await.unwrap();
    assert_eq!(driven.page.current_url().await.unwrap(), before);
    assert_eq!(evaluated, "EvalError", "the content security policy lets eval through");
    driven.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_the_window_leaves_the_tray_and_it_opens_again() {
    let world = World::new().await;
    let mut app = world.app().spawn().unwrap();
    let shown = async || world.windows().contains(&"Stagedoor".to_owned());
    until("the window", async || shown().await.then_some(())).await;
    let mut tries = 0;
    until("its end", async || {
        // A window that was mapped a moment ago does not listen yet.
        if tries % 50 == 0 {
            world.close_window("Stagedoor");
        }
        tries += 1;
        (!shown().await).then_some(())
    })
    .await;
    assert!(app.try_wait().unwrap().is_none(), "the app ended with its window");
    world.bus.press(&["Open Stagedoor"]).await;
    until("the window again", async || shown().await.then_some(())).await;
    world.bus.press(&["Quit Stagedoor"]).await;
    assert!(ended(&mut app).await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_display_it_says_so() {
    let world = World::new().await;
    let app = world.app().env_remove("DISPLAY").stderr(std::process::Stdio::piped()).output().unwrap();
    assert_eq!(app.status.code(), Some(1));
    let said = String::from_utf8(app.stderr).unwrap();
    assert!(said.contains("no display") && said.contains("\nhint: ") && !said.contains("panicked"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_shows_the_first_ones_window_and_ends() {
    let world = World::new().await;
    let mut first = world.app().arg("--hidden").spawn().unwrap();
    world.bus.wait_for("Open Stagedoor").await;
    let mut hidden = world.app().arg("--hidden").spawn().unwrap();
    assert!(ended(&mut hidden).await.success());
    assert!(world.windows().is_empty(), "a hidden start opened the window");
    let mut second = world.app().spawn().unwrap();
    assert!(ended(&mut second).await.success());
    until("the window", async || world.windows().contains(&"Stagedoor".to_owned()).then_some(())).await;
    assert_eq!(world.bus.icons(), 1);
    world.bus.press(&["Quit Stagedoor"]).await;
    assert!(ended(&mut first).await.success());
}
