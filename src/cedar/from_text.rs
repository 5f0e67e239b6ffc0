//! One list of the kinds of text that an input of a request is given as.

/// Conversions into an input whose text is `Given::Text`.
macro_rules! from_text {
    ($input:ident: $($text:ty),*) => {$(
        impl<'a> From<$text> for $input<'a> {
            fn from(text: $text) -> Self {
                Self(Given::Text(text.into()))
            }
        }
    )*

        impl<'a> From<&&'a str> for $input<'a> {
            fn from(text: &&'a str) -> Self {
                Self::from(*text)
            }
        }
    };
}
