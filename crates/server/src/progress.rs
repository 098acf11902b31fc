//! A sign of life where something takes longer than a second.

use std::future::Future;
use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::admin::Progress;

/// How long nothing is shown: what is quick is not to flicker.
const PATIENCE: Duration = Duration::from_secs(1);

/// Waits for `work`; after a second a terminal on stderr shows that `what` goes on, and for how long.
pub(crate) async fn during<T>(what: &str, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    if let Ok(done) = tokio::time::timeout(PATIENCE, &mut work).await {
        return done;
    }
    if !std::io::stderr().is_terminal() {
        return work.await;
    }
    let spinner = ProgressBar::new_spinner().with_message(what.to_owned()).with_elapsed(PATIENCE);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
        spinner.set_style(style);
    }
    spinner.enable_steady_tick(Duration::from_millis(100));
    let done = work.await;
    spinner.finish_and_clear();
    done
}

/// How far something is, as a bar on a terminal; nothing elsewhere.
pub(crate) struct Bar {
    bar: Option<ProgressBar>,
    doing: String,
}

impl Bar {
    /// Nothing is shown yet.
    pub(crate) fn new() -> Self {
        Bar { bar: None, doing: String::new() }
    }

    /// Shows that.
    pub(crate) fn show(&mut self, progress: &Progress) {
        if progress.doing.is_empty() || !std::io::stderr().is_terminal() {
            return;
        }
        if self.doing != progress.doing {
            self.end();
            self.doing.clone_from(&progress.doing);
            let bytes = progress.unit == "bytes";
            let template = match (progress.of, bytes) {
                (Some(_), true) => "{msg} {wide_bar} {bytes}/{total_bytes} ({bytes_per_sec}, {eta} left)",
                (Some(_), false) => "{msg} {wide_bar} {pos}/{len} ({eta} left)",
                (None, true) => "{spinner} {msg}: {bytes} ({elapsed})",
                (None, false) => "{spinner} {msg}: {human_pos} ({elapsed})",
            };
            let bar = progress.of.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            self.bar = Some(bar.with_message(progress.doing.clone()));
        }
        if let Some(bar) = &self.bar {
            // Each call is a moment of its own to the bar, and what comes a moment after another looks endlessly fast.
            if let Some(of) = progress.of.filter(|of| bar.length() != Some(*of)) {
                bar.set_length(of);
            }
            bar.set_position(progress.done);
        }
    }

    /// Takes it away.
    pub(crate) fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.end();
    }
}
