//! An echo server on tungstenite that takes orders: tungstenite_orders PORT [LIMIT]
//! "close CODE REASON" has it close so, "close" alone with an empty Close; LIMIT is of a message's size.

use std::net::{TcpListener, TcpStream};

use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tungstenite::{accept_with_config, Message};

fn live(stream: TcpStream, limit: Option<usize>) -> Result<(), Box<dyn std::error::Error>> {
    let mut config = WebSocketConfig::default();
    if limit.is_some() {
        config = config.max_message_size(limit).max_frame_size(limit);
    }
    let mut socket = accept_with_config(stream, Some(config))?;
    loop {
        let message = socket.read()?;
        let text = message.to_text().unwrap_or_default().to_owned();
        let mut words = text.splitn(3, ' ');
        if words.next() == Some("close") {
            let frame = words.next().and_then(|code| code.parse::<u16>().ok()).map(|code| CloseFrame {
                code: CloseCode::from(code),
                reason: words.next().unwrap_or_default().into(),
            });
            socket.close(frame)?;
        } else if matches!(message, Message::Text(_) | Message::Binary(_)) {
            socket.send(message)?;
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let limit = arguments.get(2).map(|limit| limit.parse().unwrap());
    let listener = TcpListener::bind(format!("0.0.0.0:{}", arguments[1])).unwrap();
    for stream in listener.incoming() {
        std::thread::spawn(move || eprintln!("{:?}", live(stream.unwrap(), limit)));
    }
}
