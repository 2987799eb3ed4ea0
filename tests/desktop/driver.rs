//! The window, driven: WebKitWebDriver starts the real app and reads and presses what is in its page.
//!
//! It looks for what a person sees, roles and words, and waits for them; the app it drives is the one that is shipped. One driver
//! has one session, so each test starts its own.

use std::{
    net::{TcpListener, TcpStream},
    process::{Child, Stdio},
    time::Duration,
};

use fantoccini::{Client, ClientBuilder, Locator, elements::Element};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;

use crate::world::{World, until};

/// A driven app.
pub(crate) struct Driven {
    /// Its page.
    pub(crate) page: Client,
    driver: Child,
}

impl Driven {
    /// Starts the driver, and through it the app.
    pub(crate) async fn start(world: &World) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let driver = world
            .command("WebKitWebDriver")
            .args(["--host=127.0.0.1", &format!("--port={port}")])
            .env("TAURI_AUTOMATION", "true")
            .env("TAURI_WEBVIEW_AUTOMATION", "true")
            .stdout(Stdio::null())
            .spawn()
            .expect("WebKitWebDriver; see CONTRIBUTING.md");
        until("the driver", async || TcpStream::connect(("127.0.0.1", port)).ok()).await;
        let wanted = json!({ "webkitgtk:browserOptions": { "binary": env!("CARGO_BIN_EXE_stagedoor-desktop"), "args": [] } });
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(serde_json::from_value(wanted).unwrap());
        let url = format!("http://127.0.0.1:{port}");
        let session = builder.connect(&url);
        // An app that does not start would hold this for ever.
        let page = tokio::time::timeout(Duration::from_secs(30), session).await.expect("the app did not start").expect("a session");
        Self { page, driver }
    }

    /// Waits for the first element that a CSS selector finds.
    pub(crate) async fn find(&self, css: &str) -> Element {
        until(css, async || self.page.find(Locator::Css(css)).await.ok()).await
    }

    /// Waits for an element that has this text in it.
    pub(crate) async fn find_text(&self, css: &str, text: &str) -> Element {
        until(&format!("{css} with “{text}”"), async || {
            for element in self.page.find_all(Locator::Css(css)).await.ok()? {
                if element.prop("textContent").await.is_ok_and(|shown| shown.is_some_and(|shown| shown.contains(text))) {
                    return Some(element);
                }
            }
            None
        })
        .await
    }

    /// Presses an element that has this text in it, as soon as it can be pressed.
    pub(crate) async fn press(&self, css: &str, text: &str) {
        until(&format!("pressing {css} with “{text}”"), async || {
            for element in self.page.find_all(Locator::Css(css)).await.ok()? {
                if element.prop("textContent").await.is_ok_and(|shown| shown.is_some_and(|shown| shown.contains(text))) && element.click().await.is_ok() {
                    return Some(());
                }
            }
            None
        })
        .await;
    }

    /// Waits until the page says something.
    pub(crate) async fn says(&self, text: &str) {
        until(text, async || self.text().await.contains(text).then_some(())).await;
    }

    /// All words of the page.
    pub(crate) async fn text(&self) -> String {
        match self.page.find(Locator::Css("body")).await {
            Ok(body) => body.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        }
    }

    /// The page as PNG.
    pub(crate) async fn picture(&self) -> Vec<u8> {
        self.page.screenshot().await.unwrap()
    }

    /// Ends the session, and with it the app.
    pub(crate) async fn end(mut self) {
        let _ = self.page.clone().close().await;
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

impl Drop for Driven {
    fn drop(&mut self) {
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
