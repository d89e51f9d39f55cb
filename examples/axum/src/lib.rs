//! A web page, a JSON route and a gRPC service on one port, with tower's middlewares around all of them.
#![forbid(unsafe_code)]

use axum::{
    Json, Router,
    extract::{ConnectInfo, Path},
    http::StatusCode,
    response::Html,
    routing::get,
};
use farcall::{ServeError, Server};
use farcall_examples::{greeter::MyGreeter, hello::GreeterServer};
use std::{net::SocketAddr, time::Duration};
use tower::limit::GlobalConcurrencyLimitLayer;
use tower_http::{timeout::TimeoutLayer, trace::TraceLayer};

/// All that the port serves; answers must begin within `patience`.
///
/// # Errors
/// The gRPC server's settings are wrong.
pub fn app(patience: Duration) -> Result<Router, ServeError> {
    let grpc = Server::builder()
        .add_service(GreeterServer::new(MyGreeter))
        .into_service()?
        .with_caller(|extensions| extensions.get().map(|ConnectInfo(address)| *address));
    Ok(Router::new()
        .route("/", get(index))
        .route("/hello/{name}", get(hello))
        .merge(grpc.router())
        .layer(GlobalConcurrencyLimitLayer::new(1000))
        // A gRPC client takes 504 for UNAVAILABLE.
        .layer(TimeoutLayer::with_status_code(
            StatusCode::GATEWAY_TIMEOUT,
            patience,
        ))
        .layer(TraceLayer::new_for_grpc()))
}

async fn index() -> Html<&'static str> {
    Html("<h1>Hello!</h1>")
}

async fn hello(Path(name): Path<String>) -> Json<serde_json::Value> {
    Json(serde_json::json!({ "message": format!("Hello, {name}!") }))
}

/// Serves the application until `stop`, see [`app`].
///
/// # Errors
/// The gRPC server's settings are wrong, or the listener fails.
pub async fn serve(
    listener: tokio::net::TcpListener,
    patience: Duration,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Box<dyn std::error::Error>> {
    let app = app(patience)?.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app)
        .with_graceful_shutdown(stop)
        .await?;
    Ok(())
}
