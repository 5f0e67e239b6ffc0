//! Objects that an edge refuses by name: older rules, another history, other targets, wrong bytes, signatures and times. It goes
//! on by the rules that it has.

use std::sync::Arc;
use std::time::Duration;

use policy_store::Target;
use policy_store::attestation::Ed25519Signer;
use policy_store::cedar_policy::Decision;
use policy_store::note::{NoteKey, NoteSignature, SignedCheckpoint, Trust};
use policy_store_replica::object_store::path::Path;
use policy_store_replica::object_store::{ObjectStoreExt as _, PutPayload};
use policy_store_replica::{Bucket, Edge, PublicationTrust, Witness};

use super::edge::{FORBID, bind, builder, decision, edge, edge_of, publisher, trust, world};
use super::support::{NAME, World, key, signer};

const OBJECT: &str = "rules/acme/zone";

async fn get(world: &World, name: &str) -> Vec<u8> {
    world.objects.get(&Path::from(name)).await.unwrap().bytes().await.unwrap().to_vec()
}

async fn put(world: &World, name: &str, bytes: &[u8]) {
    world.objects.put(&Path::from(name), PutPayload::from(bytes.to_vec())).await.unwrap();
}

async fn refuses(edge: &Edge, code: &str) {
    // Each time.
    for _ in 0..2 {
        let error = edge.poll().await.unwrap_err();
        assert_eq!((error.code(), error.object()), (code, Some(OBJECT)), "{error}");
    }
}

#[tokio::test]
async fn older_rules_and_rules_that_are_gone_are_a_rollback() {
    let world = world();
    let mut publisher = publisher(&world);
    publisher.publish().await.unwrap();
    let older = get(&world, OBJECT).await;
    world.pass(1);
    bind(&world, "acme", Target::Zone, FORBID);
    publisher.publish().await.unwrap();
    let newer = get(&world, OBJECT).await;
    let edge = edge(&world);
    assert!(edge.poll().await.unwrap());
    let status = edge.status();
    put(&world, OBJECT, &older).await;
    refuses(&edge, "rollback").await;
    world.objects.delete(&Path::from(OBJECT)).await.unwrap();
    refuses(&edge, "rollback").await;
    assert_eq!((decision(&edge), edge.status()), (Decision::Deny, status));
    put(&world, OBJECT, &newer).await;
    assert!(!edge.poll().await.unwrap());
}

#[tokio::test]
async fn rules_of_another_history_are_a_fork() {
    let (world, other) = (world(), world_of_another_store());
    publisher(&world).publish().await.unwrap();
    let edge = edge(&world);
    edge.poll().await.unwrap();
    publisher(&other).publish().await.unwrap();
    put(&world, OBJECT, &get(&other, OBJECT).await).await;
    refuses(&edge, "fork").await;
    assert_eq!(decision(&edge), Decision::Allow);
}

fn world_of_another_store() -> World {
    let other = World::new();
    other.zone("acme");
    bind(&other, "acme", Target::Zone, FORBID);
    other
}

#[tokio::test]
async fn rules_of_another_zone_or_target_are_not_taken() {
    let world = world();
    world.zone("beta");
    bind(&world, "beta", Target::Zone, FORBID);
    bind(&world, "acme", Target::user("ann"), FORBID);
    let chosen = builder(&world, world.objects.clone()).rules("beta", Target::Zone).rules("acme", Target::user("ann"));
    chosen.build().unwrap().publish().await.unwrap();
    let own = get(&world, OBJECT).await;
    for (name, problem) in [
        ("rules/beta/zone", "rules of another zone: beta, expected acme"),
        ("rules/acme/user-616e6e", "rules of another target: user `ann`, expected the zone"),
    ] {
        // Also by an edge that has no rules.
        put(&world, OBJECT, &own).await;
        let edges = [edge(&world), edge(&world)];
        edges[0].poll().await.unwrap();
        put(&world, OBJECT, &get(&world, name).await).await;
        for edge in &edges {
            refuses(edge, "damaged").await;
            let told = edge.poll().await.unwrap_err().to_string();
            assert_eq!(told, format!("`{OBJECT}` is damaged: {problem}"));
        }
        assert_eq!((decision(&edges[0]), edges[1].authorizer().is_none()), (Decision::Allow, true));
    }
}

#[tokio::test]
async fn no_byte_of_the_object_can_be_changed() {
    let world = world();
    publisher(&world).publish().await.unwrap();
    let own = get(&world, OBJECT).await;
    let edge = edge(&world);
    edge.poll().await.unwrap();
    let status = edge.status();
    let mut seen = std::collections::BTreeSet::new();
    for at in (0..own.len()).step_by(13) {
        let mut bytes = own.clone();
        bytes[at] ^= 1;
        // Blanks between the parts do not count.
        if own[at].is_ascii_whitespace() && bytes[at].is_ascii_whitespace() {
            continue;
        }
        put(&world, OBJECT, &bytes).await;
        let code = edge.poll().await.unwrap_err().code();
        assert!(["damaged", "not_signed"].contains(&code), "{at}: {code}");
        seen.insert(code);
    }
    assert_eq!(seen.len(), 2);
    for bytes in [&own[..own.len() / 2], b"", b"{}", b"\xff"] {
        put(&world, OBJECT, bytes).await;
        refuses(&edge, "damaged").await;
    }
    assert_eq!((edge.status(), decision(&edge)), (status, Decision::Allow));
}

/// The object with the signature lines that `keep` leaves.
fn with_lines(bytes: &[u8], keep: impl Fn(usize) -> bool) -> Vec<u8> {
    let mut value: serde_json::Value = serde_json::from_slice(bytes).unwrap();
    let note = value["checkpoint"].as_str().unwrap();
    let (text, lines) = note.split_once("\n\n").unwrap();
    let lines: String =
        lines.lines().enumerate().filter(|(n, _)| keep(*n)).map(|(_, line)| format!("{line}\n")).collect();
    value["checkpoint"] = format!("{text}\n\n{lines}").into();
    value.to_string().into_bytes()
}

#[tokio::test]
async fn signature_time_and_witnesses_are_demanded() {
    let world = world();
    publisher(&world).publish().await.unwrap();
    let own = get(&world, OBJECT).await;
    let edge = edge(&world);
    put(&world, OBJECT, &with_lines(&own, |line| line == 0)).await;
    refuses(&edge, "not_signed").await;
    put(&world, OBJECT, &with_lines(&own, |line| line == 1)).await;
    refuses(&edge, "not_signed").await;
    put(&world, OBJECT, &with_lines(&own, |_| true)).await;
    assert!(edge.poll().await.unwrap());

    let of =
        |trust: PublicationTrust| Edge::new(Bucket::new(world.objects.clone()), trust, "acme", Target::Zone).unwrap();
    refuses(&of(PublicationTrust::new(key(2)).unwrap()), "not_signed").await;
    let both = PublicationTrust::new(key(2)).unwrap().key(key(1)).unwrap();
    assert!(of(both).poll().await.unwrap());
    let witness = NoteKey::cosigner("w.example", signer(5).jwk().as_bytes()).unwrap();
    let demanding = || trust().witnesses(Trust::new().witness(witness.clone()).quorum(1));
    refuses(&of(demanding()), "not_signed").await;
    // The publisher has got its heads cosigned.
    world.pass(60);
    let cosigned = builder(&world, world.objects.clone()).witness(Arc::new(Cosigner(witness.clone(), signer(5))));
    cosigned.build().unwrap().publish().await.unwrap();
    assert!(of(demanding()).poll().await.unwrap());
}

struct Cosigner(NoteKey, Ed25519Signer);

impl Witness for Cosigner {
    fn cosign(
        &self,
        checkpoint: &SignedCheckpoint,
    ) -> Result<Vec<NoteSignature>, Box<dyn std::error::Error + Send + Sync>> {
        let mut signed = checkpoint.clone();
        let before = signed.note().signatures().len();
        signed.cosign(&self.0, &self.1, policy_store::Timestamp::from_micros(1_000_000))?;
        Ok(signed.note().signatures().iter().skip(before).cloned().collect())
    }
}

#[tokio::test]
async fn the_checkpoint_of_a_zone_has_no_time_and_signs_no_rules() {
    // Signed by the same key, for clients of tiles.
    let world = world();
    publisher(&world).publish().await.unwrap();
    let zone = world.store.zone("acme").unwrap();
    let own = get(&world, &format!("logs/{}/checkpoint", zone.checkpoint().unwrap().log_id)).await;
    let signed: SignedCheckpoint = String::from_utf8(own).unwrap().parse().unwrap();
    assert_eq!(signed.store_name(), NAME);
    let rules = zone.signed_rules_with(Target::Zone, &signed).unwrap();
    assert!(rules.verify(&Trust::new().log_key(key(1))).is_ok());
    put(&world, OBJECT, rules.to_string().as_bytes()).await;
    refuses(&edge(&world), "not_signed").await;
}

#[tokio::test]
async fn rules_that_are_too_old_or_from_the_future_are_refused_by_name() {
    let world = world();
    let mut publisher = publisher(&world);
    let edge = edge(&world).max_age(Duration::from_secs(120));
    // There are none yet.
    assert!(!edge.poll().await.unwrap());
    assert_eq!(edge.check_fresh(Duration::from_secs(9)).unwrap_err().code(), "frozen");
    publisher.publish().await.unwrap();
    assert!(edge.poll().await.unwrap());
    world.pass(120);
    assert!(!edge.poll().await.unwrap());
    assert_eq!(edge.status().unwrap().age, Duration::from_secs(120));
    world.pass(1);
    refuses(&edge, "frozen").await;
    assert_eq!(edge.check_fresh(Duration::from_secs(121)).map_err(|error| error.code()), Ok(()));
    // A repeated head makes them young; newer rules are taken over all the same.
    publisher.publish().await.unwrap();
    assert!(!edge.poll().await.unwrap());
    assert_eq!(edge.status().unwrap().age, Duration::ZERO);
    bind(&world, "acme", Target::Zone, FORBID);
    publisher.publish().await.unwrap();
    world.pass(121);
    assert_eq!(edge.poll().await.unwrap_err().code(), "frozen");
    assert_eq!(decision(&edge), Decision::Deny);
    world.pass(-121 - 300);
    assert!(!edge.poll().await.unwrap());
    world.pass(-1);
    refuses(&edge, "clock").await;
    assert_eq!(edge.status().unwrap().age, Duration::ZERO);
}

#[tokio::test]
async fn an_earlier_time_of_the_same_rules_makes_them_no_older() {
    let world = world();
    let mut publisher = publisher(&world);
    publisher.publish().await.unwrap();
    let earlier = get(&world, OBJECT).await;
    world.pass(60);
    publisher.publish().await.unwrap();
    let edge = edge_of(&world, world.objects.clone(), Target::Zone);
    edge.poll().await.unwrap();
    put(&world, OBJECT, &earlier).await;
    world.pass(10);
    assert!(!edge.poll().await.unwrap());
    assert_eq!(edge.status().unwrap().age, Duration::from_secs(10));
    // But the time of a clock that was far ahead is given up.
    world.pass(10_000);
    publisher.publish().await.unwrap();
    edge.poll().await.unwrap();
    world.pass(-10_000);
    publisher.publish().await.unwrap();
    assert!(!edge.poll().await.unwrap());
    assert_eq!(edge.status().unwrap().time.as_micros(), world.now() * 1_000_000);
    assert_eq!(decision(&edge), Decision::Allow);
}
