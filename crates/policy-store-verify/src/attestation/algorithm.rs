//! The two sides of a signature algorithm, as traits: a signer with the secret key, and a public key that verifies.

use std::error::Error as StdError;

/// Signs with one secret key, in memory, in a device or in a service.
///
/// [`Ed25519Signer`](super::Ed25519Signer) is the built-in one.
pub trait Signer: Send + Sync {
    /// The key's id, the `kid` of the header: 1 to 256 bytes of UTF-8 without control characters.
    fn key_id(&self) -> &str;

    /// The algorithm's JOSE name, such as `ES256`: 1 to 64 bytes of UTF-8, and never `none`.
    fn algorithm(&self) -> &str;

    /// The signature over `input`, in the algorithm's JOSE encoding. For `ES256` it is two numbers of 32 bytes, and not
    /// DER.
    ///
    /// A slow signer is fine: the caller holds no lock.
    ///
    /// # Errors
    ///
    /// Any error of the device or service. The call then fails as [`Signer`](crate::Error::Signer), with
    /// this error as its source.
    fn sign(&self, input: &[u8]) -> Result<Vec<u8>, Box<dyn StdError + Send + Sync>>;
}

/// A public key that verifies the signatures of a [`Signer`].
///
/// [`Jwk`](super::Jwk) is the built-in one. Implement the trait for keys of other algorithms, such as a P-256 key for
/// `ES256`, and pass them to [`Verifier::with_key`](super::Verifier::with_key).
pub trait VerificationKey: Send + Sync {
    /// The key's id, the `kid` of a header: 1 to 256 bytes of UTF-8 without control characters.
    fn key_id(&self) -> &str;

    /// The algorithm's JOSE name, the `alg` of a header.
    fn algorithm(&self) -> &str;

    /// Whether a header's `alg` names the key's algorithm. The default accepts [`algorithm`](Self::algorithm) only. An
    /// Ed25519 key accepts `EdDSA` and the name of RFC 9864, `Ed25519`.
    fn is_for(&self, algorithm: &str) -> bool {
        algorithm == self.algorithm()
    }

    /// Whether `signature` over `input` is valid for this key.
    fn verify(&self, input: &[u8], signature: &[u8]) -> bool;
}
