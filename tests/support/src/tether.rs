//! Servers that end with the test process, however it ends.

use std::{
    io,
    process::{Child, Command, Stdio},
    sync::{OnceLock, mpsc},
    thread,
};

type Request = (Command, mpsc::Sender<io::Result<Child>>);

/// Starts a server that the system kills when this process ends.
///
/// The system sends that signal when the *thread* ends that started the server, and a test's threads end long before its
/// process does; so all servers are started by one thread that never ends.
///
/// # Errors
/// If the program cannot be started.
///
/// # Panics
/// Never: the thread outlives all who ask it.
pub fn spawn(program: &str, configure: impl FnOnce(&mut Command)) -> io::Result<Child> {
    static STARTER: OnceLock<mpsc::Sender<Request>> = OnceLock::new();
    let starter = STARTER.get_or_init(|| {
        let (requests, incoming) = mpsc::channel::<Request>();
        thread::spawn(move || {
            for (mut command, reply) in incoming {
                let _ = reply.send(command.spawn());
            }
        });
        requests
    });
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", program]);
    configure(&mut command);
    let (reply, child) = mpsc::channel();
    starter.send((command, reply)).expect("the thread serves as long as the sender lives, and that is static");
    child.recv().expect("every request is answered")
}

/// Sends a signal to a child that has not been waited for, so that its number is still its own.
///
/// # Panics
/// If the child does not run any more.
pub fn signal(child: &Child, name: &str) {
    assert!(signal_number(child.id(), name), "a running child takes signals");
}

/// Sends a signal to the process of this number, and tells whether there is one.
pub(crate) fn signal_number(pid: u32, name: &str) -> bool {
    let sent = Command::new("kill").args(["-s", name, &pid.to_string()]).stderr(Stdio::null()).status();
    sent.is_ok_and(|status| status.success())
}
