//! The signing key: an Ed25519 private key in a file, as JWK (RFC 8037), read or created. Does not know the signed
//! data.

use std::error::Error;
use std::fmt::Write;
use std::fs::Metadata;
use std::io::ErrorKind;
use std::path::Path;

use base64ct::{Base64UrlUnpadded, Encoding};
use policy_store::attestation::Ed25519Signer;
use zeroize::Zeroizing;

use crate::files::{self, Found, Readers};

/// More than the bytes of a created key's text.
const TEXT_BYTES: usize = 512;

/// Reads the key in a file, or creates one.
pub fn open(path: &Path) -> Result<Ed25519Signer, Box<dyn Error + Send + Sync>> {
    if let Some(signer) = read(path)? {
        return Ok(signer);
    }
    let (signer, text) = generate().map_err(|error| named(path, error))?;
    match files::create(path, &text, Readers::Owner) {
        Ok(()) => Ok(signer),
        // Another process was faster.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => read(path)?.ok_or_else(|| named(path, error.into())),
        Err(error) => Err(named(path, error.into())),
    }
}

/// Reads the key in a file; `None` if the file does not exist.
pub fn read(path: &Path) -> Result<Option<Ed25519Signer>, Box<dyn Error + Send + Sync>> {
    let signer = files::read(path).and_then(|found| {
        let Some(Found { text, metadata }) = found else { return Ok(None) };
        check_mode(path, &metadata)?;
        let expected = "expected an Ed25519 private key as JWK, with `kty`, `crv`, `x` and `d`";
        let signer = Ed25519Signer::from_jwk(&text).map_err(|error| format!("{error}: {expected}"))?;
        Ok(Some(signer))
    });
    signer.map_err(|error| named(path, error))
}

fn named(path: &Path, error: Box<dyn Error + Send + Sync>) -> Box<dyn Error + Send + Sync> {
    format!("cannot use the signing key `{}`: {error}", path.display()).into()
}

/// Anyone who can read the key can sign as this server.
#[cfg(unix)]
fn check_mode(path: &Path, metadata: &Metadata) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(format!("other users have access to the file (mode {mode:04o}): run `chmod 600 {}`", path.display()))
}

#[cfg(not(unix))]
fn check_mode(_: &Path, _: &Metadata) -> Result<(), String> {
    Ok(())
}

/// A new key with its thumbprint as its id, and its text.
#[expect(
    clippy::disallowed_methods,
    reason = "a key must come from the system's randomness, and no test depends on it"
)]
fn generate() -> Result<(Ed25519Signer, Zeroizing<String>), Box<dyn Error + Send + Sync>> {
    let mut secret = Zeroizing::new([0; 32]);
    getrandom::fill(secret.as_mut()).map_err(|error| format!("cannot get random bytes: {error}"))?;
    let unnamed = Ed25519Signer::new("new", &secret)?;
    let signer = Ed25519Signer::new(unnamed.jwk().thumbprint(), &secret)?;
    let x = Base64UrlUnpadded::encode_string(signer.jwk().as_bytes());
    let d = Zeroizing::new(Base64UrlUnpadded::encode_string(secret.as_ref()));
    let members = [("kty", "OKP"), ("crv", "Ed25519"), ("x", &x), ("kid", signer.jwk().key_id())];
    let members = members.into_iter().chain([("alg", "EdDSA"), ("use", "sig"), ("d", d.as_str())]);
    // Allocate once, so that no copy of the secret is left by a reallocation.
    let mut text = Zeroizing::new(String::with_capacity(TEXT_BYTES));
    for (name, value) in members {
        let before = if text.is_empty() { '{' } else { ',' };
        write!(text, "{before}\"{name}\":\"{value}\"")?;
    }
    text.push_str("}\n");
    Ok((signer, text))
}

#[cfg(test)]
mod tests {
    use policy_store::attestation::Signer;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.jwk");
        let made = open(&path).unwrap();
        let read = open(&path).unwrap();
        assert_eq!((made.key_id(), made.jwk()), (read.key_id(), read.jwk()));
        assert_eq!(made.key_id(), made.jwk().thumbprint());
        assert_eq!(made.sign(b"x").unwrap(), read.sign(b"x").unwrap());
        let other = open(&folder.path().join("other.jwk")).unwrap();
        assert_ne!(other.jwk().as_bytes(), made.jwk().as_bytes());
        let names = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(names, 2, "nothing else is left behind");
    }

    #[cfg(unix)]
    #[test]
    fn a_key_is_its_owner_s_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.jwk");
        open(&path).unwrap();
        let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode(), 0o600);
        for refused in [0o644, 0o640, 0o604, 0o620, 0o610, 0o601] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(refused)).unwrap();
            let error = open(&path).unwrap_err().to_string();
            assert!(error.contains(&format!("mode {refused:04o}")) && error.contains("chmod 600"), "{error}");
            assert_eq!(mode(), refused, "it is left as it is");
        }
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o400)).unwrap();
        open(&path).unwrap();
    }

    #[test]
    fn a_file_that_is_no_private_key_is_refused_by_name_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.jwk");
        let public = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        for (text, reason) in [("", "JWK"), ("-----BEGIN PRIVATE KEY-----", "JWK"), (public, "`d` is missing")] {
            files::replace(&path, text, Readers::Owner).unwrap();
            let error = open(&path).unwrap_err().to_string();
            assert!(error.contains("key.jwk") && error.contains(reason), "{error}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        let error = open(folder.path()).unwrap_err().to_string();
        assert!(error.contains("regular file"), "{error}");
        files::replace(&path, &"x".repeat(300_000), Readers::Owner).unwrap();
        assert!(open(&path).unwrap_err().to_string().contains("300000 bytes"));
        assert!(open(&folder.path().join("none/key.jwk")).is_err());
    }
}
