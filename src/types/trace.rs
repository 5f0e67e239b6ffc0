//! Spans and events for `tracing`, with ids and no text of policies, requests or entities. Nothing, not even the values of
//! fields, is evaluated without the feature.

/// Enters a span until the end of the block.
#[cfg(feature = "tracing")]
macro_rules! span {
    ($level:ident, $name:literal $(, $field:ident = $value:expr)* $(,)?) => {
        let _span = tracing::span!(
            target: "policy_store",
            tracing::Level::$level,
            $name,
            $($field = tracing::field::display(&$value)),*
        )
        .entered();
    };
}

#[cfg(not(feature = "tracing"))]
macro_rules! span {
    ($($any:tt)*) => {};
}

/// Records an event.
#[cfg(feature = "tracing")]
macro_rules! event {
    ($level:ident, $message:literal $(, $field:ident = $value:expr)* $(,)?) => {
        tracing::event!(
            target: "policy_store",
            tracing::Level::$level,
            $($field = tracing::field::display(&$value),)*
            $message
        )
    };
}

#[cfg(not(feature = "tracing"))]
macro_rules! event {
    ($($any:tt)*) => {};
}
