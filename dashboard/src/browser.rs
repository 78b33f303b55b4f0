//! The page in a browser: takes over what the server rendered, then keeps it up to date from the node's events.

use fairway_policies::explain::Explanation;
use leptos::{mount::hydrate_from, prelude::*, task::spawn_local};
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;
use web_sys::{EventSource, HtmlElement, MessageEvent, Response};

use crate::{
    model::{Explain, Page},
    pages::{Link, Shown, app},
};

/// Runs when the module has loaded.
#[wasm_bindgen(start)]
pub fn start() -> Result<(), JsValue> {
    let found = |id: &str| document().get_element_by_id(id).ok_or_else(|| JsValue::from_str("not a page of Fairway"));
    let text = found("model")?.text_content().unwrap_or_default();
    let page: Page = serde_json::from_str(&text).map_err(|e| JsValue::from_str(&e.to_string()))?;
    let root: HtmlElement = found("app")?.dyn_into()?;
    hydrate_from(root, move || {
        let (shown, link) = (Shown::new(page), RwSignal::new(Link::Still));
        if let Err(error) = follow(shown, link) {
            leptos::logging::warn!("this page stays as it was loaded: {error:?}");
        }
        app(shown, link)
    })
    .forget();
    Ok(())
}

/// Subscribes the page to the node's events. The browser itself connects again whenever the connection is lost.
fn follow(shown: Shown, link: RwSignal<Link>) -> Result<(), JsValue> {
    if !matches!(shown, Shown::Overview(_) | Shown::Explain(_)) {
        return Ok(());
    }
    let search = window().location().search()?;
    let source = EventSource::new(&format!("/api/v1/events{search}"))?;
    let renew = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| match shown {
        Shown::Overview(model) => {
            let text = event.data().as_string().unwrap_or_default();
            match serde_json::from_str(&text) {
                Ok(overview) => model.set(overview),
                // The node was replaced by one that speaks differently: take its pages too.
                Err(_) => window().location().reload().unwrap_or_default(),
            }
        }
        Shown::Explain(model) => spawn_local(ask_again(model, search.clone())),
        Shown::Decisions(_) | Shown::Decision(_) | Shown::Policy(_) | Shown::Missing(_) => {}
    });
    source.add_event_listener_with_callback("overview", renew.as_ref().unchecked_ref())?;
    let opened = Closure::<dyn FnMut()>::new(move || link.set(Link::Live));
    source.set_onopen(Some(opened.as_ref().unchecked_ref()));
    let lost = Closure::<dyn FnMut()>::new(move || link.set(Link::Lost));
    source.set_onerror(Some(lost.as_ref().unchecked_ref()));
    // They live as long as the page.
    renew.forget();
    opened.forget();
    lost.forget();
    Ok(())
}

/// Asks the page's question again. A failed attempt leaves the page as it is: the next event brings another.
async fn ask_again(model: RwSignal<Explain>, search: String) {
    if !model.with_untracked(|m| m.question.is_asked() && m.explanation.is_some()) {
        return;
    }
    if let Ok(text) = fetch(&format!("/api/v1/explain{search}&renewed=true")).await
        && let Ok(explanation) = serde_json::from_str::<Explanation>(&text)
    {
        // What was recorded is what was asked for.
        model.update(|m| {
            let decision = m.explanation.take().and_then(|before| before.decision);
            m.explanation = Some(Explanation { decision, ..explanation });
        });
    }
}

async fn fetch(address: &str) -> Result<String, JsValue> {
    let response: Response = JsFuture::from(window().fetch_with_str(address)).await?.dyn_into()?;
    let text = JsFuture::from(response.text()?).await?;
    text.as_string().ok_or(JsValue::NULL)
}
