use std::future::poll_fn;
use std::sync::Arc;

use hyper::body::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::account::Accounts;
use crate::body_file::BodyFiles;

/// Returns a socket, and its peer.
async fn pair(is_known: bool) -> (Socket, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stream, address) = listener.accept().await.unwrap();
    let account = Accounts::of(1, Arc::default()).open(address.ip(), false).unwrap();
    if is_known {
        account.vouch();
    }
    (Socket::new(stream, account), peer)
}

/// Returns how many bytes the kernel takes while its peer reads nothing.
async fn taken(socket: &mut Socket) -> usize {
    let (piece, mut taken) = ([0; 16 * 1024], 0);
    // As long as the kernel takes bytes it takes them at once.
    while let Ok(Ok(count)) = tokio::time::timeout(Duration::from_millis(500), socket.write(&piece)).await {
        taken += count;
    }
    taken
}

/// The receive buffer of the peer is part of all. Without a limit the kernel takes 2.5 MB and more.
#[tokio::test]
async fn the_kernel_takes_little_of_an_answer_that_a_stranger_does_not_read_and_more_of_a_known_peers() {
    let (mut stranger, _deaf) = pair(false).await;
    let (mut known, _deaf_too) = pair(true).await;
    let (stranger, known) = (taken(&mut stranger).await, taken(&mut known).await);
    assert!(stranger < 1_000_000, "{stranger} bytes");
    assert!(known > stranger + 64 * 1024, "{stranger} and {known} bytes");
}

/// Reads until the socket has seen that its peer reads fast.
async fn read_fast(socket: &mut Socket, peer: &mut TcpStream) {
    let reading = async {
        let mut buffer = vec![0; 256 * 1024];
        while peer.read(&mut buffer).await.unwrap() > 0 {}
    };
    let writing = async {
        let piece = [0; 64 * 1024];
        while !matches!(socket.room, Room::Fast(_)) {
            socket.write_all(&piece).await.unwrap();
        }
    };
    tokio::select! { () = reading => (), () = writing => () }
}

#[tokio::test]
async fn a_known_peer_that_reads_fast_gets_more_room_and_a_stranger_never() {
    let (mut known, mut peer) = pair(true).await;
    tokio::time::timeout(Duration::from_secs(20), read_fast(&mut known, &mut peer))
        .await
        .unwrap();
    let (mut stranger, mut peer) = pair(false).await;
    let never = tokio::time::timeout(Duration::from_secs(1), read_fast(&mut stranger, &mut peer));
    assert!(never.await.is_err());
}

#[tokio::test]
async fn the_kernel_keeps_nothing_for_a_fast_peer_that_takes_no_more() {
    let (mut socket, mut peer) = pair(true).await;
    tokio::time::timeout(Duration::from_secs(20), read_fast(&mut socket, &mut peer))
        .await
        .unwrap();
    let more = taken(&mut socket).await;
    drop(socket);
    tokio::task::yield_now().await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    tokio::task::yield_now().await;
    let mut rest = Vec::new();
    let error = peer.read_to_end(&mut rest).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{more} bytes");
}

/// The last answer may leave whole in the moment before its connection closes.
#[tokio::test]
async fn a_fast_peer_gets_all_of_an_answer_after_which_its_connection_closes() {
    let (mut socket, mut peer) = pair(true).await;
    tokio::time::timeout(Duration::from_secs(20), read_fast(&mut socket, &mut peer))
        .await
        .unwrap();
    let (go_on, waited) = tokio::sync::oneshot::channel();
    let written = async {
        // So that the peer has not got all of it yet.
        let count = taken(&mut socket).await;
        let early = tokio::time::timeout(Duration::from_millis(200), socket.shutdown()).await;
        assert!(early.is_err(), "the peer has read nothing");
        go_on.send(()).unwrap();
        socket.shutdown().await.unwrap();
        drop(socket);
        count
    };
    let read = async {
        waited.await.unwrap();
        let mut all = Vec::new();
        peer.read_to_end(&mut all).await.unwrap();
        all.len()
    };
    let (written, read) = tokio::join!(written, read);
    assert!(read >= written, "{read} of {written} bytes");
}

#[tokio::test]
async fn a_head_and_a_file_come_whole_and_in_their_order() {
    let bytes: Vec<u8> = (0..3_000_000_u32)
        .map(|number| number.to_le_bytes()[number as usize % 3])
        .collect();
    let (mut socket, mut peer) = pair(true).await;
    let body = Bytes::from(bytes.clone());
    let file = BodyFiles::default().of(&body).unwrap();
    assert!(socket.sends_files());
    let writing = async move {
        let (mut head, mut sent) = (&b"head "[..], 0);
        while sent < file.length() {
            let count = poll_fn(|context| socket.poll_send_file(context, head, &file, sent))
                .await
                .unwrap();
            assert!(count > 0);
            match head.len() {
                0 => sent += count,
                _ => head = &head[count..],
            }
        }
    };
    let reading = async {
        let mut all = Vec::new();
        peer.read_to_end(&mut all).await.unwrap();
        all
    };
    let ((), all) = tokio::join!(writing, reading);
    assert!(all == [b"head ", &*bytes].concat());
}
