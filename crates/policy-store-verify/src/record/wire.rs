//! The fields of records, and the forms in which the codec reads and writes them.
//!
//! The types of the crate's interface know nothing of the codec: each has a form here, made of numbers, strings, lists
//! and tuples. A form that breaks the rules of its type is refused: an id with other characters could collide with the
//! index keys of other ids.

use wincode::config::{Configuration, Deserialize, Serialize};
use wincode::int_encoding::{LittleEndian, VarInt};
use wincode::len::UseIntLen;
use wincode::{SchemaRead, SchemaWrite};

use crate::types::actor::{Actor, OwnerType};
use crate::types::hash::{EntryHash, Sha256};
use crate::types::id::{
    IdempotencyKey, LogId, PolicyId, PolicySetId, PolicySetVersionId, PolicyVersionId, SchemaName, ZoneId,
};
use crate::types::limits;
use crate::types::origin::Origin;
use crate::types::rationale::Rationale;
use crate::types::schema::{CedarVersion, SchemaRef, SchemaStatus};
use crate::types::syntax::Syntax;
use crate::types::target::{BindingMode, Target, TargetType};
use crate::types::time::Timestamp;

/// bincode's standard configuration, with the length of an entry as the limit of all lengths.
pub type Format =
    Configuration<true, { limits::ENTRY_BYTES }, UseIntLen<u64>, LittleEndian, VarInt, u32, { limits::ENTRY_BYTES }>;

/// A value that a record can have.
pub trait Wire: Sized {
    /// What the codec reads and writes.
    type Form: Serialize<Format, Src = Self::Form> + for<'de> Deserialize<'de, Format, Dst = Self::Form>;

    fn to_form(&self) -> Self::Form;

    /// The value of a form; the error is the rule that the form breaks.
    fn from_form(form: Self::Form) -> Result<Self, String>;
}

/// Declares a record: a struct whose fields are written one after the other.
#[doc(hidden)]
#[macro_export]
macro_rules! record {
    // No `vis` fragment: the derives of bincode do not take one.
    ($(#[$meta:meta])* pub$(($place:ident))? struct $name:ident {
        $($(#[$field_meta:meta])* pub $field:ident: $type:ty),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[cfg_attr(any(test, feature = "judge"), derive(bincode::Encode, bincode::Decode))]
        pub$(($place))? struct $name { $($(#[$field_meta])* pub $field: $type),* }

        const _: () = {
            #[derive(wincode::SchemaRead, wincode::SchemaWrite)]
            pub struct Form { $($field: <$type as $crate::record::Wire>::Form),* }

            impl $crate::record::Wire for $name {
                type Form = Form;

                fn to_form(&self) -> Form {
                    Form { $($field: $crate::record::Wire::to_form(&self.$field)),* }
                }

                fn from_form(form: Form) -> Result<Self, String> {
                    let Form { $($field),* } = form;
                    Ok(Self { $($field: $crate::record::Wire::from_form($field)?),* })
                }
            }
        };
    };
}

/// Values that are their own forms.
macro_rules! plain {
    ($($type:ty),*) => {$(
        impl Wire for $type {
            type Form = Self;

            fn to_form(&self) -> Self {
                self.clone()
            }

            fn from_form(form: Self) -> Result<Self, String> {
                Ok(form)
            }
        }
    )*};
}

macro_rules! ids {
    ($($type:ty),*) => {$(
        impl Wire for $type {
            type Form = String;

            fn to_form(&self) -> String {
                self.as_str().to_owned()
            }

            fn from_form(form: String) -> Result<Self, String> {
                Self::new(form).map_err(|error| error.to_string())
            }
        }
    )*};
}

/// Newtypes of bytes.
macro_rules! bytes {
    ($($type:ident: $length:literal),*) => {$(
        impl Wire for $type {
            type Form = [u8; $length];

            fn to_form(&self) -> Self::Form {
                self.0
            }

            fn from_form(form: Self::Form) -> Result<Self, String> {
                Ok(Self(form))
            }
        }
    )*};
}

/// Enums without data: the number of the variant.
macro_rules! numbered {
    ($($type:ident { $($variant:ident = $number:literal),* })*) => {$(
        impl Wire for $type {
            type Form = u32;

            fn to_form(&self) -> u32 {
                match self { $(Self::$variant => $number),* }
            }

            fn from_form(form: u32) -> Result<Self, String> {
                match form {
                    $($number => Ok(Self::$variant),)*
                    _ => Err(format!(concat!("unknown ", stringify!($type), " {}"), form)),
                }
            }
        }
    )*};
}

plain!(bool, u8, u16, u32, u64, i64, String, [u8; 16], [u8; 32]);
ids!(ZoneId, SchemaName, PolicyId, PolicyVersionId, PolicySetId, PolicySetVersionId);
bytes!(LogId: 16, IdempotencyKey: 16, EntryHash: 32, Sha256: 32);
numbered! {
    OwnerType { Platform = 0, Customer = 1 }
    Syntax { Cedar = 0, Json = 1 }
    SchemaStatus { Active = 0, Deprecated = 1, Archived = 2 }
    TargetType { Zone = 0, User = 1 }
    BindingMode { Active = 0, Shadow = 1, Guardrail = 2 }
}

impl<T: Wire> Wire for Option<T> {
    type Form = Option<T::Form>;

    fn to_form(&self) -> Self::Form {
        self.as_ref().map(T::to_form)
    }

    fn from_form(form: Self::Form) -> Result<Self, String> {
        form.map(T::from_form).transpose()
    }
}

impl<T: Wire> Wire for Vec<T>
where
    Vec<T::Form>: Serialize<Format, Src = Vec<T::Form>> + for<'de> Deserialize<'de, Format, Dst = Vec<T::Form>>,
{
    type Form = Vec<T::Form>;

    fn to_form(&self) -> Self::Form {
        self.iter().map(T::to_form).collect()
    }

    fn from_form(form: Self::Form) -> Result<Self, String> {
        form.into_iter().map(T::from_form).collect()
    }
}

impl Wire for Timestamp {
    type Form = i64;

    fn to_form(&self) -> i64 {
        self.as_micros()
    }

    fn from_form(form: i64) -> Result<Self, String> {
        Some(Self::from_micros(form))
            .filter(|time| time.as_micros() == form)
            .ok_or_else(|| "time is out of range".to_owned())
    }
}

impl Wire for Actor {
    type Form = (u32, String);

    fn to_form(&self) -> Self::Form {
        (self.owner_type().to_form(), self.id().to_owned())
    }

    fn from_form((owner_type, id): Self::Form) -> Result<Self, String> {
        Self::new(OwnerType::from_form(owner_type)?, id).map_err(|error| error.to_string())
    }
}

impl Wire for Rationale {
    type Form = (Option<String>, Option<String>);

    fn to_form(&self) -> Self::Form {
        (self.reason().map(str::to_owned), self.reference().map(str::to_owned))
    }

    fn from_form((reason, reference): Self::Form) -> Result<Self, String> {
        let rationale = Self::of(reason, reference).map_err(|error| error.to_string())?;
        if rationale.is_empty() { Err("neither a reason nor a reference".to_owned()) } else { Ok(rationale) }
    }
}

impl Wire for Origin {
    type Form = (String, [u8; 16], String, Option<u32>);

    fn to_form(&self) -> Self::Form {
        (self.zone_id.to_form(), self.log_id.to_form(), self.policy_id.to_form(), self.version)
    }

    fn from_form((zone_id, log_id, policy_id, version): Self::Form) -> Result<Self, String> {
        let (zone_id, log_id) = (Wire::from_form(zone_id)?, Wire::from_form(log_id)?);
        Ok(Self { zone_id, log_id, policy_id: Wire::from_form(policy_id)?, version })
    }
}

impl Wire for CedarVersion {
    type Form = (String, String);

    fn to_form(&self) -> Self::Form {
        (self.sdk.clone(), self.language.clone())
    }

    fn from_form((sdk, language): Self::Form) -> Result<Self, String> {
        Ok(Self { sdk, language })
    }
}

impl Wire for SchemaRef {
    type Form = (String, u32, [u8; 32]);

    fn to_form(&self) -> Self::Form {
        (self.version.to_form(), self.syntax.to_form(), self.sha.to_form())
    }

    fn from_form((version, syntax, sha): Self::Form) -> Result<Self, String> {
        Ok(Self { version: Wire::from_form(version)?, syntax: Wire::from_form(syntax)?, sha: Wire::from_form(sha)? })
    }
}

/// The form of a [`Target`].
#[derive(SchemaRead, SchemaWrite)]
pub enum TargetForm {
    Zone,
    User(String),
}

impl Wire for Target {
    type Form = TargetForm;

    fn to_form(&self) -> TargetForm {
        match self {
            Self::Zone => TargetForm::Zone,
            Self::User(id) => TargetForm::User(id.clone()),
        }
    }

    fn from_form(form: TargetForm) -> Result<Self, String> {
        let target = match form {
            TargetForm::Zone => Self::Zone,
            TargetForm::User(id) => Self::User(id),
        };
        target.check().map_err(|error| error.to_string())?;
        Ok(target)
    }
}
