//! An echo server on actix-web: actix PORT

use actix_web::{rt, web, App, Error, HttpRequest, HttpResponse, HttpServer};
use actix_ws::Message;
use futures_util::StreamExt as _;

async fn live(request: HttpRequest, body: web::Payload) -> Result<HttpResponse, Error> {
    let (answer, mut session, mut messages) = actix_ws::handle(&request, body)?;
    rt::spawn(async move {
        while let Some(Ok(message)) = messages.next().await {
            match message {
                Message::Text(text) => session.text(text).await.unwrap(),
                Message::Close(reason) => return session.close(reason).await.unwrap(),
                _ => {}
            }
        }
    });
    Ok(answer)
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let port: u16 = std::env::args().nth(1).unwrap().parse().unwrap();
    HttpServer::new(|| App::new().default_service(web::to(live)))
        .workers(1)
        .bind(("0.0.0.0", port))?
        .run()
        .await
}
