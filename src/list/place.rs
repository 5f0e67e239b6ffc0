//! Places in lists, as cursors have them: places rise in the order of creation.

use crate::types::hash::hex;

/// A place in a list.
pub(crate) trait Place: Copy + Ord {
    /// The first byte of the list's cursors: the version of their format.
    const FORM: u8;

    /// Its bytes in a cursor, in their one length.
    fn bytes(self) -> impl AsRef<[u8]>;

    /// The place with these bytes, in lower-case hex.
    fn of_hex(hex: &str) -> Option<Self>;

    /// The next higher place.
    fn above(self) -> Option<Self>;

    /// The next lower place.
    fn below(self) -> Option<Self>;
}

macro_rules! number {
    ($(#[$doc:meta])* $number:ty, $form:literal) => {
        $(#[$doc])*
        impl Place for $number {
            const FORM: u8 = $form;

            fn bytes(self) -> impl AsRef<[u8]> {
                self.to_be_bytes()
            }

            fn of_hex(hex: &str) -> Option<Self> {
                hex::decode(hex).map(Self::from_be_bytes)
            }

            fn above(self) -> Option<Self> {
                self.checked_add(1)
            }

            fn below(self) -> Option<Self> {
                self.checked_sub(1)
            }
        }
    };
}

number! {
    /// A position in a log, or the number of a version.
    u64, 1
}

number! {
    /// A time and the number of a log, in a list over several logs.
    u128, 2
}
