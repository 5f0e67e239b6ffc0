//! The policies of a shared drive, from the first version to a replay of an answer years later.
//!
//! Run `cargo run --release --example quickstart`. It prints each step and keeps the store file.

use std::error::Error;
use std::path::Path;

use policy_store::attestation::Ed25519Signer;
use policy_store::evidence::Evidence;
use policy_store::note::{NoteKey, SignedCheckpoint, Trust};
use policy_store::{
    Actor, Answer, Authorizer, Change, HistoryFilter, Include, NewPolicy, NewPolicySet, NewPolicySetVersion,
    NewPolicyVersion, NewSchema, Order, PageRequest, PolicySetVersion, PolicyStore, Rationale, Receipt, Result, Target,
    Zone,
};

const SCHEMA_VERSION: &str = "2026-02-24";
const SCHEMA: &str = include_str!("drive.cedarschema");
const ENTITIES: &str = include_str!("entities.json");
const POLICIES: [(&str, &str); 4] = [
    ("owners", include_str!("policies/owners.cedar")),
    ("sharing", include_str!("policies/sharing.cedar")),
    ("guests", include_str!("policies/guests.cedar")),
    ("guardrails", include_str!("policies/guardrails.cedar")),
];
const GUESTS_2: &str = include_str!("policies/guests-2.cedar");

/// A request about the budget document, with a description.
struct Question {
    says: &'static str,
    principal: &'static str,
    action: &'static str,
    context: &'static str,
}

const OFFICE: &str = r#"{ "managed_device": true, "mfa": true }"#;
const CAFE: &str = r#"{ "managed_device": false, "mfa": false }"#;
const AUDITOR_VIEWS: Question = Question {
    says: "Jonas, a guest auditor, views the budget",
    principal: r#"User::"jonas""#,
    action: r#"Action::"view""#,
    context: OFFICE,
};
const QUESTIONS: [Question; 4] = [
    Question {
        says: "Amara edits her budget",
        principal: r#"User::"amara""#,
        action: r#"Action::"edit""#,
        context: OFFICE,
    },
    Question {
        says: "Amara downloads it in a café",
        principal: r#"User::"amara""#,
        action: r#"Action::"download""#,
        context: CAFE,
    },
    Question {
        says: "Mei, of another team, views it",
        principal: r#"User::"mei""#,
        action: r#"Action::"view""#,
        context: OFFICE,
    },
    AUDITOR_VIEWS,
];

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::temp_dir().join(format!("policy-store-quickstart-{}", std::process::id()));
    std::fs::create_dir_all(&directory)?;
    let path = directory.join("drive.redb");

    println!("1. A new store in {}", path.display());
    let store = PolicyStore::open(&path)?;
    let first = set_up(&store)?;
    let zone = store.zone("acme")?;
    println!("   version {} of `production` is in force, with {} policies:", first.version, POLICIES.len());
    for pin in &first.manifest.entries {
        let version = zone.policy_version(&pin.policy_version_id, Include::Neither)?;
        let name = zone.policy(&pin.policy_id)?.name;
        println!(
            "   - {name:<10} v{}, {} statements, sha {:.12}…",
            version.version,
            version.statements,
            pin.sha.to_string()
        );
    }

    println!("\n2. Decisions");
    let authorizer = zone.authorizer(Target::Zone)?;
    for question in &QUESTIONS {
        print_answer(&zone, question, &ask(&authorizer, question)?)?;
    }
    // A service writes this line to its audit log, with the request and the entities.
    let entities = authorizer.entities(ENTITIES)?;
    let kept = serde_json::to_string(&ask(&authorizer, &AUDITOR_VIEWS)?.receipt(&entities)?)?;

    println!("\n3. Bruno tightens the rule for guests, and puts it in force");
    let second = tighten(&store, &first)?;
    let authorizer = zone.authorizer(Target::Zone)?;
    print_answer(&zone, &AUDITOR_VIEWS, &ask(&authorizer, &AUDITOR_VIEWS)?)?;

    println!("\n4. The auditors complain, and Amara rolls back");
    let why = Rationale::new().with_reason("The auditors need the budget until March.")?.with_reference("TICKET-17")?;
    store.write(&Actor::customer("amara")?, |w| {
        w.rationale(why)?;
        w.zone("acme")?.activate(&first.id)
    })?;
    let authorizer = zone.authorizer(Target::Zone)?;
    print_answer(&zone, &AUDITOR_VIEWS, &ask(&authorizer, &AUDITOR_VIEWS)?)?;
    println!("   version {} stays in the store, and can be put in force again", second.version);

    println!("\n5. Years later: the store is opened again, and checked");
    drop((zone, authorizer, store));
    years_later(&path, &kept)
}

/// Publishes the schema, and creates the zone, the policies and a policy set version that pins them. Activates this
/// version.
fn set_up(store: &PolicyStore) -> Result<PolicySetVersion> {
    store.write(&Actor::customer("amara")?, |w| {
        w.publish_schema(NewSchema::cedar(SCHEMA_VERSION, SCHEMA))?;
        let mut zone = w.create_zone("acme")?;
        let mut manifest = NewPolicySetVersion::new(SCHEMA_VERSION);
        for (name, text) in POLICIES {
            let policy = zone.create_policy(NewPolicy::named(name).id(name))?;
            let version = zone.create_policy_version(&policy.id, NewPolicyVersion::cedar(SCHEMA_VERSION, text))?;
            manifest = manifest.pin(&version);
        }
        let set = zone.create_policy_set(NewPolicySet::named("production").id("production"))?;
        let version = zone.create_policy_set_version(&set.id, manifest)?;
        zone.activate(&version.id)?;
        Ok(version)
    })
}

/// Creates the next version of one policy and of the policy set that pins it. Activates the policy set version.
fn tighten(store: &PolicyStore, before: &PolicySetVersion) -> Result<PolicySetVersion> {
    // Parses and validates before the write, so that other writes do not wait.
    let prepared = store.prepare_policy_version(NewPolicyVersion::cedar(SCHEMA_VERSION, GUESTS_2))?;
    store.write(&Actor::customer("bruno")?, |w| {
        let mut zone = w.zone("acme")?;
        let guests = zone.create_policy_version("guests", prepared)?;
        let manifest = NewPolicySetVersion::from(before).pin(&guests);
        let version = zone.create_policy_set_version("production", manifest)?;
        zone.activate(&version.id)?;
        Ok(version)
    })
}

fn ask(authorizer: &Authorizer, question: &Question) -> Result<Answer> {
    let Question { principal, action, context, .. } = question;
    let request = authorizer.request(principal, action, r#"Document::"budget""#, context)?;
    authorizer.is_authorized(&request, &authorizer.entities(ENTITIES)?)
}

fn print_answer(zone: &Zone, question: &Question, answer: &Answer) -> Result<()> {
    println!("   {:<42} {:?}", question.says, answer.decision());
    for statement in answer.determining() {
        let policy = zone.policy(&statement.policy_id)?;
        let version = zone.policy_version(&statement.policy_version_id, Include::Neither)?;
        println!("   {:<42}   by `{}` v{}, statement {}", "", policy.name, version.version, statement.statement);
    }
    if answer.determining().is_empty() {
        println!("   {:<42}   no statement applies", "");
    }
    Ok(())
}

/// Verifies the store, replays the receipt and reads the history, as an auditor would.
fn years_later(path: &Path, kept: &str) -> Result<(), Box<dyn Error>> {
    let store = PolicyStore::open(path)?;
    let report = store.verify()?;
    println!(
        "   {} entries in {} logs hashed and chained, {} texts hashed,",
        report.entries, report.logs, report.content
    );
    println!("   {} index rows compared: {} findings", report.index_rows, report.findings.len());

    let receipt: Receipt = serde_json::from_str(kept)?;
    let authorizer = store.authorizer_of_receipt(&receipt)?;
    let again = ask(&authorizer, &AUDITOR_VIEWS)?;
    println!("   the first receipt said {:?}; the same rules say {:?} again", receipt.decision, again.decision());
    if let Some(binding) = &receipt.binding {
        println!("   they had been in force since {}, put there by {}", binding.since, binding.by);
    }

    println!("\n6. Who did what, when");
    let zone = store.zone("acme")?;
    for entry in zone.history(&HistoryFilter::new(), &PageRequest::new().limit(100).order(Order::Ascending))?.items {
        println!("   {:>2}  {}  {:<6} {}", entry.position, entry.created_at, entry.created_by, told(&entry.change));
    }
    evidence(&store, path)
}

/// Gives an auditor, who has no store, one file that shows the last decision. Then somebody tampers with it.
fn evidence(store: &PolicyStore, path: &Path) -> Result<(), Box<dyn Error>> {
    println!("\n7. One file for an auditor who has no store");
    let zone = store.zone("acme")?;
    let authorizer = zone.authorizer(Target::Zone)?;
    let receipt = ask(&authorizer, &AUDITOR_VIEWS)?.receipt(&authorizer.entities(ENTITIES)?)?;
    // The store's key. A real one comes from a secure source of randomness, and its public half is published.
    let signer = Ed25519Signer::new("2026", &[7; 32])?;
    let key = NoteKey::ed25519("example.com/policies", signer.jwk().as_bytes())?;
    let trust = Trust::new().log_key(key.clone());
    let checkpoint = SignedCheckpoint::sign(&zone.checkpoint()?, "example.com/policies", &signer)?;
    store.keep_checkpoint(&Actor::platform("ops")?, &checkpoint.verify(&trust)?)?;
    let evidence = zone.evidence(&receipt)?.to_string();
    let file = path.with_extension("evidence");
    std::fs::write(&file, &evidence)?;
    println!("{}", indented(&evidence.parse::<Evidence>()?.verify(&trust)?.to_string()));
    println!("   To check it with the public key alone:");
    println!("   cargo run -p policy-store-verify --example verify -- {} --key {key}", file.display());

    println!("\n8. Somebody changes a rule in the file");
    let tampered = evidence.replacen("forbid (", "permit (", 1);
    let refused = tampered.parse::<Evidence>()?.verify(&trust).err().ok_or("a tampered file was accepted")?;
    println!("   refused: {refused}");
    Ok(())
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("   {line}")).collect::<Vec<_>>().join("\n")
}

fn told(change: &Change) -> String {
    match change {
        Change::ZoneCreated { zone_id } => format!("created zone `{zone_id}`"),
        Change::PolicyCreated { name, .. } => format!("created policy `{name}`"),
        Change::PolicyVersionCreated { policy_id, version, .. } => format!("wrote version {version} of `{policy_id}`"),
        Change::PolicySetCreated { name, .. } => format!("created policy set `{name}`"),
        Change::PolicySetVersionCreated { policy_set_id, version, .. } => {
            format!("made version {version} of `{policy_set_id}`")
        }
        Change::Bound { to, from: None, .. } => {
            format!("put version {} of `{}` in force", to.version, to.policy_set_id)
        }
        Change::Bound { to, from: Some(from), .. } => {
            format!(
                "put version {} of `{}` in force, in place of version {}",
                to.version, to.policy_set_id, from.version
            )
        }
        other => format!("{other:?}"),
    }
}
