//! A load client: one request, signed beforehand by who starts it, over keep-alive connections, again and again.
//!
//! `load HOST:PORT CONNECTIONS SECONDS` reads the request from its input and prints requests per second, the median latency
//! in milliseconds and the number of calls; with `calls=N` in place of the seconds it makes N calls. Nothing but the standard
//! library, plain sockets and a thread a connection, so that it is not what is measured. Built and run by `load.py`.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

/// When a connection is done.
#[derive(Clone, Copy)]
enum Until {
    Time(Duration),
    Calls(usize),
}

/// One answer; whether the server keeps the connection.
fn read_answer(reader: &mut BufReader<TcpStream>) -> bool {
    let (mut line, mut length, mut keep, mut first) = (String::new(), 0, true, true);
    loop {
        line.clear();
        assert!(reader.read_line(&mut line).unwrap() > 0, "the server closed the connection");
        let lower = line.to_ascii_lowercase();
        if first {
            assert!(lower.contains(" 200 "), "refused: {line}");
            first = false;
        } else if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        } else if lower.starts_with("connection:") && lower.contains("close") {
            keep = false;
        } else if lower.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    keep
}

/// The latency of each call.
fn connection(host: &str, request: &[u8], until: Until) -> Vec<Duration> {
    let connect = || {
        let stream = TcpStream::connect(host).unwrap();
        stream.set_nodelay(true).unwrap();
        BufReader::new(stream)
    };
    let (began, mut latencies, mut reader) = (Instant::now(), Vec::new(), connect());
    while match until {
        Until::Time(most) => began.elapsed() < most,
        Until::Calls(most) => latencies.len() < most,
    } {
        let asked = Instant::now();
        reader.get_mut().write_all(request).unwrap();
        if !read_answer(&mut reader) {
            reader = connect();
        }
        latencies.push(asked.elapsed());
    }
    latencies
}

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [host, connections, until] = arguments.as_slice() else { panic!("HOST:PORT CONNECTIONS SECONDS|calls=N") };
    let connections: usize = connections.parse().unwrap();
    let until = match until.strip_prefix("calls=") {
        Some(calls) => Until::Calls(calls.parse::<usize>().unwrap().div_ceil(connections)),
        None => Until::Time(Duration::from_secs_f64(until.parse().unwrap())),
    };
    let mut request = Vec::new();
    std::io::stdin().read_to_end(&mut request).unwrap();
    let began = Instant::now();
    let mut latencies: Vec<Duration> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..connections).map(|_| scope.spawn(|| connection(host, &request, until))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let seconds = began.elapsed().as_secs_f64();
    latencies.sort_unstable();
    println!("{:.1} {:.4} {}", latencies.len() as f64 / seconds, latencies[latencies.len() / 2].as_secs_f64() * 1e3, latencies.len());
}
