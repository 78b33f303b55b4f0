//! What is of several messages, and so no case of its own.

use hickory_proto::{
    op::MessageType,
    rr::RecordType::{A, NS, TXT},
};

use crate::world::{World, over_tcp, query};

#[tokio::test]
async fn many_questions_go_over_one_tcp_connection() {
    let world = World::new().await;
    let mut stream = tokio::net::TcpStream::connect(world.address).await.unwrap();
    for (name, rtype) in [("live.fairway.test.", A), ("fairway.test.", NS), ("huge.fairway.test.", TXT)] {
        let asked = query(name, rtype);
        let reply = over_tcp(&mut stream, &asked.bytes()).await;
        assert_eq!((reply.metadata.id, reply.answers.is_empty()), (asked.0.metadata.id, false));
    }
}

#[tokio::test]
async fn runts_and_responses_are_not_replied_to() {
    let world = World::new().await;
    let good = query("live.fairway.test.", A);
    let response = query("live.fairway.test.", A).of(|m| m.metadata.message_type = MessageType::Response).bytes();
    let reply = world.udp_first(&[&[0; 11], &[], &response, &good.bytes()]).await;
    assert_eq!(reply.metadata.id, good.0.metadata.id, "a reply to a reply never ends");
}
