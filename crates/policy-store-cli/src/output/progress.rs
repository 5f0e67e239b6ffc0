//! The progress of long work: a bar on standard error if that is a terminal, and the end at Ctrl-C.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use policy_store::Progress;

use crate::interrupt::{self, Working};

/// The longest work without a bar.
const SHORT: Duration = Duration::from_millis(300);

/// Long work with its bar. The bar goes away with it.
pub struct LongWork {
    bar: Arc<ProgressBar>,
    /// None for work that Ctrl-C ends at once.
    _working: Option<Working>,
}

impl LongWork {
    /// Work without a known length yet. Short work shows no bar, nor does standard error that is no terminal.
    pub fn new() -> Self {
        Self::with(Some(Working::start()))
    }

    /// The same, on input that may not come for long, such as a pipe: the observer is not called meanwhile, so Ctrl-C ends the
    /// process at once.
    pub fn on_input_that_may_block() -> Self {
        Self::with(None)
    }

    fn with(working: Option<Working>) -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
        let style = ProgressStyle::with_template("{msg:>9} [{bar:40}] {percent:>3} % {eta}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
        Self { bar: Arc::new(bar), _working: working }
    }

    /// The library's observer: it draws the bar and stops the work at Ctrl-C.
    pub fn observer(&self) -> impl Fn(Progress) -> ControlFlow<()> + Send + Sync + 'static {
        let bar = self.bar.clone();
        move |progress| {
            if bar.is_hidden() && bar.elapsed() > SHORT {
                bar.set_draw_target(ProgressDrawTarget::stderr());
            }
            bar.set_message(progress.work.as_str());
            bar.set_length(progress.total);
            bar.set_position(progress.done);
            if interrupt::is_requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }
}

impl Drop for LongWork {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
