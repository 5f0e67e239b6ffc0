//! The command line. Does not know how the arguments are used.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use policy_store::SchemaStatus;

/// A policy store behind the routes of Keycard's public policy API.
///
/// An example for loopback, without authentication: the bearer token is the actor's id. Put your own authentication in
/// front of it before others can reach it.
#[derive(Debug, Parser)]
pub struct Args {
    /// The store's file; created if missing
    #[arg(long, value_name = "FILE")]
    pub store: PathBuf,
    /// The address to listen on; port 0 is a free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4010")]
    pub listen: SocketAddr,
    /// Allow an address that is not loopback, although anybody can then act as anybody
    #[arg(long)]
    pub listen_to_everybody: bool,
    /// A zone; created if missing (repeatable)
    #[arg(long = "zone", value_name = "ZONE", required = true)]
    pub zones: Vec<String>,
    /// A schema version, published if missing: 2026-02-24=active=FILE, with the status active, deprecated or archived;
    /// a file called *.json has Cedar's JSON form (repeatable)
    #[arg(long = "schema", value_name = "VERSION=STATUS=FILE", value_parser = schema_arg)]
    pub schemas: Vec<SchemaArg>,
    /// The default schema for zones without one
    #[arg(long, value_name = "VERSION")]
    pub default_schema: Option<String>,
    /// The zone of /policy/bundle [default: the first --zone]
    #[arg(long, value_name = "ZONE")]
    pub bundle_zone: Option<String>,
    /// An Ed25519 private key as JWK, for attestations of all policy set versions; created if missing, readable only by
    /// its owner. After a change of the key, versions that can be put in force are signed again
    #[arg(long, value_name = "FILE")]
    pub signing_key: Option<PathBuf>,
    /// The public keys for verifying attestations, served at /.well-known/jwks.json; the signing key is added [default:
    /// the store's file name and .jwks.json]
    #[arg(long, value_name = "FILE")]
    pub jwks: Option<PathBuf>,
    /// A bearer token that acts for the platform (repeatable)
    #[arg(long = "platform-token", value_name = "TOKEN")]
    pub platform_tokens: Vec<String>,
    /// Seconds to wait for a client: for a request's header, for its body, and for taking a response
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub patience: u64,
}

impl Args {
    /// The path of the public keys' file.
    pub fn public_keys(&self) -> PathBuf {
        self.jwks.clone().unwrap_or_else(|| {
            let mut name = self.store.clone().into_os_string();
            name.push(".jwks.json");
            name.into()
        })
    }
}

/// A schema version to publish, and its status.
#[derive(Clone, Debug, PartialEq)]
pub struct SchemaArg {
    pub version: String,
    pub status: SchemaStatus,
    pub file: PathBuf,
}

fn schema_arg(text: &str) -> Result<SchemaArg, String> {
    let mut parts = text.splitn(3, '=');
    let (Some(version), Some(status), Some(file)) = (parts.next(), parts.next(), parts.next()) else {
        return Err("expected VERSION=STATUS=FILE".to_owned());
    };
    let status = match status {
        "active" => SchemaStatus::Active,
        "deprecated" => SchemaStatus::Deprecated,
        "archived" => SchemaStatus::Archived,
        _ => return Err(format!("unknown status `{status}`: expected active, deprecated or archived")),
    };
    Ok(SchemaArg { version: version.to_owned(), status, file: file.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }

    #[test]
    fn a_schema_is_a_version_a_status_and_a_file_whose_name_may_hold_anything() {
        let arg = schema_arg("2026-02-24=deprecated=a=b.cedarschema").unwrap();
        assert_eq!(arg.version, "2026-02-24");
        assert_eq!((arg.status, arg.file), (SchemaStatus::Deprecated, PathBuf::from("a=b.cedarschema")));
        for wrong in ["", "2026-02-24", "2026-02-24=active", "2026-02-24=retired=file"] {
            assert!(schema_arg(wrong).is_err(), "{wrong}");
        }
    }
}
