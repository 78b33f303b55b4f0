//! A live node, asked over its admin API.

use std::error::Error;

use reqwest::{Method, StatusCode, header};
use serde::{Serialize, de::DeserializeOwned};

use crate::exit::Failure;

/// Where a node on this machine is asked, unless told otherwise.
pub const DEFAULT_URL: &str = "http://127.0.0.1:8081";

/// The admin API of one node.
pub struct Admin {
    url: String,
    client: reqwest::Client,
}

impl Admin {
    /// The node whose admin listener is at `url`, such as [`DEFAULT_URL`].
    pub fn at(url: &str) -> Result<Self, Failure> {
        let url = url.trim_end_matches('/').to_owned();
        let client = reqwest::Client::builder().build();
        Ok(Self { client: client.map_err(|error| unavailable(&url, &error))?, url })
    }

    /// `GET path?query`.
    pub async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, String)]) -> Result<T, Failure> {
        self.answer(self.client.get(self.address(path)).query(query)).await
    }

    /// `POST path` with a JSON body.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Failure> {
        self.answer(self.client.post(self.address(path)).json(body)).await
    }

    /// `DELETE path`. The node wants a JSON content type of everything that changes it (no form of another site sends one).
    pub async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let request = self.client.request(Method::DELETE, self.address(path));
        self.answer(request.header(header::CONTENT_TYPE, "application/json")).await
    }

    fn address(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    async fn answer<T: DeserializeOwned>(&self, request: reqwest::RequestBuilder) -> Result<T, Failure> {
        let response = request.send().await.map_err(|error| unavailable(&self.url, &error))?;
        let status = response.status();
        if status.is_success() {
            return response.json().await.map_err(|error| unavailable(&self.url, &error));
        }
        let said = response.text().await.map_err(|error| unavailable(&self.url, &error))?;
        let error = serde_json::from_str::<serde_json::Value>(&said).ok();
        let error = error.as_ref().and_then(|e| e["error"].as_str()).unwrap_or(&said);
        Err(match status {
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_GATEWAY => Failure::unavailable(error),
            _ => Failure::bad_input(error),
        })
    }
}

fn unavailable(url: &str, error: &reqwest::Error) -> Failure {
    Failure::unavailable(format!("{url} does not answer: {}", root(error)))
}

/// What is at the bottom of it: the layers above only say that something is.
fn root(error: &dyn Error) -> &dyn Error {
    error.source().map_or(error, root)
}
