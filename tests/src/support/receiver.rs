//! Somebody who hears of alerts: takes one POST after the other on a socket, and answers as it is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::PATIENCE;

/// What came with one POST.
#[derive(Clone, Debug)]
pub struct Posted {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// What it was answered with.
    pub status: u16,
}

impl Posted {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

#[derive(Debug)]
pub struct Receiver {
    pub url: String,
    status: Arc<AtomicU16>,
    came: watch::Receiver<Vec<Posted>>,
}

impl Receiver {
    /// Answers every POST with `status` at first.
    pub async fn start(status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (keep, came) = watch::channel(Vec::new());
        let (status, keep) = (Arc::new(AtomicU16::new(status)), Arc::new(keep));
        let answers = status.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, answers.clone(), keep.clone()));
            }
        });
        Self { url, status, came }
    }

    pub fn answer(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    /// Everything that came so far.
    pub fn so_far(&self) -> Vec<Posted> {
        self.came.borrow().clone()
    }

    /// Everything that came, once `count` of it were answered with 200.
    pub async fn taken(&mut self, count: usize) -> Vec<Posted> {
        let is_enough = |came: &Vec<Posted>| came.iter().filter(|one| one.status == 200).count() >= count;
        let taken = self.came.wait_for(is_enough);
        tokio::time::timeout(PATIENCE, taken).await.expect("alerts arrive").unwrap().clone()
    }
}

/// One request for each connection.
async fn serve(mut socket: TcpStream, status: Arc<AtomicU16>, keep: Arc<watch::Sender<Vec<Posted>>>) {
    let mut bytes = Vec::new();
    let (head, body) = loop {
        if socket.read_buf(&mut bytes).await.unwrap() == 0 {
            return;
        }
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
        });
        let body = &bytes[end + 4..];
        if body.len() >= length.expect("a length") {
            break (head, body.to_vec());
        }
    };
    let mut lines = head.lines();
    let path = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap().to_owned();
    let headers = lines.filter_map(|line| line.split_once(':')).map(|(name, value)| {
        (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value.trim()).unwrap())
    });
    let status = status.load(Ordering::SeqCst);
    let posted = Posted { path, headers: headers.collect(), body, status };
    let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
    socket.write_all(answer.as_bytes()).await.unwrap();
    keep.send_modify(|came| came.push(posted));
}
