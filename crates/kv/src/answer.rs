//! What a read gives, now or later.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::Error;

/// The answer to a read: a future that is ready at once, and took no allocation, where nothing had to be waited for.
pub struct Answer<'a, T>(State<'a, T>);

type Later<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

enum State<'a, T> {
    /// `None` once it was taken.
    Now(Option<Result<T, Error>>),
    Later(Later<'a, T>),
}

impl<'a, T> Answer<'a, T> {
    /// That, at once.
    pub fn now(result: Result<T, Error>) -> Self {
        Answer(State::Now(Some(result)))
    }

    /// What `read` will give.
    pub fn later(read: impl Future<Output = Result<T, Error>> + Send + 'a) -> Self {
        Answer(State::Later(Box::pin(read)))
    }
}

// Nothing in it is pinned but what is in a box.
impl<T> Unpin for Answer<'_, T> {}

impl<T> Future for Answer<'_, T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Now(result) => Poll::Ready(result.take().expect("an answer is not polled after it was given")),
            State::Later(read) => read.as_mut().poll(task),
        }
    }
}

impl<T> fmt::Debug for Answer<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if matches!(self.0, State::Now(_)) { "Answer::now" } else { "Answer::later" })
    }
}
