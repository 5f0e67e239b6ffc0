//! Verifies the attestations of a policy set without a store or server, from saved responses, the public keys, and the
//! published schemas.

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use policy_store::attestation::{Attestation, Expected, ExpectedManifest, ExpectedSchema, Jwks, Verifier};
use policy_store::{LogId, ManifestEntry, Sha256};
use serde::Deserialize;

/// Verifies the attestations of a policy set, from its first to its newest, offline.
#[derive(Debug, Parser)]
struct Args {
    /// The public keys, as returned by /.well-known/jwks.json
    #[arg(long, value_name = "FILE")]
    jwks: PathBuf,
    /// The zone
    #[arg(long, value_name = "ZONE")]
    zone: String,
    /// The zone's log id, as returned by /zones/{zone_id}/log when the zone was new
    #[arg(long, value_name = "LOG_ID")]
    log_id: LogId,
    /// The policy set
    #[arg(long, value_name = "POLICY_SET_ID")]
    policy_set: String,
    /// A published schema version: 2026-02-24=FILE (repeatable)
    #[arg(long = "schema", value_name = "VERSION=FILE", value_parser = schema_arg)]
    schemas: Vec<(String, PathBuf)>,
    /// The set's versions, as returned by …/policy-sets/{policy_set_id}/versions: a file for each page
    #[arg(value_name = "FILE", required = true)]
    versions: Vec<PathBuf>,
}

/// A page of the list of versions; ignores other members.
#[derive(Deserialize)]
struct Page {
    items: Vec<Version>,
}

#[derive(Deserialize)]
struct Version {
    version: u32,
    schema_version: String,
    manifest: Manifest,
    attestations: Vec<String>,
}

#[derive(Deserialize)]
struct Manifest {
    entries: Vec<ManifestEntry>,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let (mut message, mut source) = (error.to_string(), error.source());
            while let Some(cause) = source {
                message = format!("{message}: {cause}");
                source = cause.source();
            }
            eprintln!("keycard-verify: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let verifier = Verifier::new(Jwks::parse(&read(&args.jwks)?)?);
    let schemas = args.schemas.iter().map(|(version, file)| Ok((version.clone(), read(file)?)));
    let schemas = schemas.collect::<Result<BTreeMap<_, _>, Box<dyn Error>>>()?;
    let mut versions = Vec::new();
    for file in &args.versions {
        let page: Page =
            serde_json::from_str(&read(file)?).map_err(|error| format!("`{}`: {error}", file.display()))?;
        versions.extend(page.items);
    }
    let mut chain = Vec::new();
    for (version, jws) in in_order(&versions)? {
        let schema = schemas.get(&version.schema_version);
        let schema =
            schema.ok_or_else(|| format!("schema `{0}` is missing: --schema {0}=FILE", version.schema_version))?;
        let expected = Expected {
            zone_id: &args.zone,
            log_id: args.log_id,
            policy_set_id: &args.policy_set,
            policy_set_version: version.version,
            manifest: ExpectedManifest::Entries(&version.manifest.entries),
            schema: ExpectedSchema::Source(schema),
        };
        chain.push((jws, expected));
    }
    for attestation in verifier.verify_chain(None, chain)? {
        let said = attestation.statement();
        let (version, status) = (said.policy_set_version, format!("{:?}", said.status));
        println!("version {version}: {status} by {} at {}, key {}", said.attested_by, said.attested_at, said.key_id);
    }
    match versions.iter().find(|version| version.attestations.is_empty()) {
        None => Ok(()),
        Some(version) => Err(format!("version {} has no attestation", version.version).into()),
    }
}

/// The attestations from the first on, with their versions, in order of their chain. Does not verify them.
fn in_order(versions: &[Version]) -> Result<Vec<(&Version, &str)>, Box<dyn Error>> {
    let mut after = HashMap::new();
    for version in versions {
        for jws in &version.attestations {
            let attestation = Attestation::parse_unverified(jws)?;
            let place = (version, jws.as_str(), attestation.sha());
            if after.insert(attestation.header().previous_sha, place).is_some() {
                return Err("two attestations have the same previous attestation".into());
            }
        }
    }
    let (mut chain, mut previous) = (Vec::new(), None::<Sha256>);
    while let Some((version, jws, sha)) = after.remove(&previous) {
        chain.push((version, jws));
        previous = Some(sha);
    }
    if after.is_empty() {
        return Ok(chain);
    }
    Err(format!(
        "{} attestations have a previous attestation that is missing: pass every page of the versions",
        after.len()
    )
    .into())
}

fn read(path: &PathBuf) -> Result<String, Box<dyn Error>> {
    fs::read_to_string(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()).into())
}

fn schema_arg(text: &str) -> Result<(String, PathBuf), String> {
    let (version, file) = text.split_once('=').ok_or("expected VERSION=FILE")?;
    Ok((version.to_owned(), file.into()))
}
