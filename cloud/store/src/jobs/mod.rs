//! Work to be done later: rows, enqueued in the transaction of the use-case that wants them done, claimed with a lease,
//! and run again if whoever claimed them vanishes. A job must therefore be such that it may run twice.

mod desk;
mod queue;
mod takeover;
mod wakes;
mod worker;

pub(crate) use crate::jobs::queue::enqueue;
pub use crate::jobs::{
    desk::JobRow,
    queue::{Completed, Job, NewJob, Retry},
    wakes::Wakeups,
    worker::{Failure, Worker},
};
