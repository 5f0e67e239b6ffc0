//! Verifies an evidence file with public keys alone, and tells a person what it shows.
//!
//! ```sh
//! cargo run -p policy-store-verify --example verify -- decision.evidence --key VKEY
//! ```
//!
//! `--key` is the vkey of the store or of one of its logs; `--witness` one of a witness, and `--quorum` how many of them must
//! have cosigned; `--attesters` a JWK set. With `--request` and `--entities` (JSON files), and the feature `cedar`, it also
//! decides again. It ends with 0 if all is right, with 1 if not.

use std::fmt::Display;
use std::process::ExitCode;

use policy_store_verify::attestation::{Jwks, Verifier};
use policy_store_verify::evidence::{Evidence, Verdict};
use policy_store_verify::note::{NoteKey, Trust};

const USAGE: &str = "usage: verify FILE --key VKEY [--witness VKEY]... [--quorum N] [--attesters JWKS-FILE] \
     [--request JSON-FILE --entities JSON-FILE]";

/// The command line.
#[derive(Default)]
struct Args {
    file: Option<String>,
    keys: Vec<String>,
    witnesses: Vec<String>,
    quorum: Option<String>,
    attesters: Option<String>,
    request: Option<String>,
    entities: Option<String>,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let args = args()?;
    let file = args.file.as_deref().ok_or(USAGE)?;
    let evidence: Evidence = read(file)?.parse().map_err(refused)?;
    let verdict = evidence.verify(&trust(&args)?).map_err(refused)?;
    print!("VERIFIED   {file}\n{verdict}");
    match (&args.request, &args.entities) {
        (Some(request), Some(entities)) => decide_again(&verdict, &read(request)?, &read(entities)?),
        (None, None) => Ok(()),
        _ => Err("--request and --entities are given together".to_owned()),
    }
}

fn args() -> Result<Args, String> {
    let (mut args, mut given) = (Args::default(), std::env::args().skip(1));
    while let Some(arg) = given.next() {
        if !arg.starts_with("--") {
            if args.file.replace(arg).is_some() {
                return Err(USAGE.to_owned());
            }
            continue;
        }
        let value = given.next().ok_or_else(|| format!("{arg} has no value\n{USAGE}"))?;
        match arg.as_str() {
            "--key" => args.keys.push(value),
            "--witness" => args.witnesses.push(value),
            "--quorum" => args.quorum = Some(value),
            "--attesters" => args.attesters = Some(value),
            "--request" => args.request = Some(value),
            "--entities" => args.entities = Some(value),
            _ => return Err(format!("unknown option `{arg}`\n{USAGE}")),
        }
    }
    Ok(args)
}

fn trust(args: &Args) -> Result<Trust, String> {
    let key = |vkey: &String| vkey.parse::<NoteKey>().map_err(told);
    let mut trust = Trust::new();
    for vkey in &args.keys {
        trust = trust.log_key(key(vkey)?);
    }
    for vkey in &args.witnesses {
        trust = trust.witness(key(vkey)?);
    }
    if let Some(quorum) = &args.quorum {
        trust = trust.quorum(quorum.parse().map_err(|_| format!("--quorum is `{quorum}`, expected a number"))?);
    }
    if let Some(file) = &args.attesters {
        trust = trust.attesters(Verifier::new(Jwks::parse(&read(file)?).map_err(told)?));
    }
    Ok(trust)
}

fn read(file: &str) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("cannot read `{file}`: {error}"))
}

fn told(error: impl Display) -> String {
    error.to_string()
}

fn refused(error: impl Display) -> String {
    format!("REFUSED    {error}")
}

#[cfg(not(feature = "cedar"))]
fn decide_again(_: &Verdict, _: &str, _: &str) -> Result<(), String> {
    Err("deciding again takes the feature `cedar`".to_owned())
}

/// Decides again on a stack that is large enough for every statement.
#[cfg(feature = "cedar")]
fn decide_again(verdict: &Verdict, request: &str, entities: &str) -> Result<(), String> {
    let decide = || {
        let (request, entities) = inputs(verdict, request, entities)?;
        verdict.decide_again(&request, &entities).map_err(refused)
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(64 << 20).spawn_scoped(scope, decide).map_err(told)?;
        thread.join().unwrap_or_else(|_| Err("Cedar failed".to_owned()))
    })?;
    println!("Decided    again, with the inputs of the receipt: the same decision by the same statements");
    Ok(())
}

/// A request in JSON: principal, action and resource as Cedar text, and the context.
#[cfg(feature = "cedar")]
#[derive(serde::Deserialize)]
struct Asked {
    principal: String,
    action: String,
    resource: String,
    #[serde(default)]
    context: serde_json::Value,
}

#[cfg(feature = "cedar")]
fn inputs(
    verdict: &Verdict,
    request: &str,
    entities: &str,
) -> Result<(cedar_policy::Request, cedar_policy::Entities), String> {
    use cedar_policy::{Context, Entities, EntityUid, Request, Schema};
    use policy_store_verify::Syntax;

    let schema = match verdict.rules.schema_syntax {
        Syntax::Cedar => Schema::from_cedarschema_str(&verdict.rules.schema).map_err(told)?.0,
        Syntax::Json => Schema::from_json_str(&verdict.rules.schema).map_err(told)?,
    };
    let asked: Asked = serde_json::from_str(request).map_err(told)?;
    let uid = |text: &str| text.parse::<EntityUid>().map_err(told);
    let action = uid(&asked.action)?;
    let context = if asked.context.is_null() { "{}".to_owned() } else { asked.context.to_string() };
    let context = Context::from_json_str(&context, Some((&schema, &action))).map_err(told)?;
    let request = Request::new(uid(&asked.principal)?, action, uid(&asked.resource)?, context, Some(&schema));
    Ok((request.map_err(told)?, Entities::from_json_str(entities, Some(&schema)).map_err(told)?))
}
