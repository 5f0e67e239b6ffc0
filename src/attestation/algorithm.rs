//! The two sides of a signature algorithm: a signer with the secret key, and a key that verifies. Both can be plugged in.

use std::error::Error as StdError;

/// Makes signatures with one secret key, wherever that is kept.
pub trait Signer: Send + Sync {
    /// The key's id, the `kid` of the header: 1 to 256 bytes of UTF-8 without control characters.
    fn key_id(&self) -> &str;

    /// The algorithm's name as JOSE registers it, such as `ES256`: 1 to 64 bytes, and never `none`.
    fn algorithm(&self) -> &str;

    /// The signature over `input`, in the algorithm's JOSE form: `ES256` has the two numbers of 32 bytes, and no DER.
    ///
    /// It may take long: no lock is held while it runs.
    fn sign(&self, input: &[u8]) -> Result<Vec<u8>, Box<dyn StdError + Send + Sync>>;
}

/// A public key that signatures are verified with: the other side of a [`Signer`](super::Signer).
///
/// [`Jwk`](super::Jwk) is the built-in one. Implement it for keys of other algorithms, such as a P-256 key for `ES256`,
/// and hand them to [`Verifier::with_key`].
pub trait VerificationKey: Send + Sync {
    /// The `kid` of the headers that it verifies.
    fn key_id(&self) -> &str;

    /// The algorithm that it verifies, as a header's `alg` names it.
    fn algorithm(&self) -> &str;

    /// Whether a header's `alg` names the algorithm: only [`algorithm`](Self::algorithm), unless it has several names. An
    /// Ed25519 key is for `EdDSA`, and for `Ed25519`, which RFC 9864 calls it.
    fn is_for(&self, algorithm: &str) -> bool {
        algorithm == self.algorithm()
    }

    /// Whether `signature` is one of this key's over `input`.
    fn verify(&self, input: &[u8], signature: &[u8]) -> bool;
}
