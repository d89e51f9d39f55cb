//! `/etc/resolv.conf`: any text gives a configuration within the system's limits, and names to ask for.

use crate::input::Input;
use farcall_lb::dns::ResolvConf;
use std::time::Duration;

pub(super) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let name = String::from_utf8_lossy(input.short()).into_owned();
    let text = String::from_utf8_lossy(input.rest()).into_owned();
    let conf = ResolvConf::parse(&text);
    assert_eq!(conf, ResolvConf::parse(&text));
    assert!((1..=3).contains(&conf.servers.len()), "{text:?}");
    assert!(conf.servers.iter().all(|server| server.port() == 53));
    assert!(conf.dots <= 15 && (1..=5).contains(&conf.attempts));
    assert!((1..=30).contains(&conf.timeout.as_secs()) && conf.timeout.subsec_nanos() == 0);
    assert!(conf.timeout <= Duration::from_secs(30));
    let word = |domain: &String| !domain.is_empty() && !domain.contains([' ', '\t', '\n']);
    assert!(conf.search.iter().all(word));
    let names = conf.names(&name);
    assert!(names.contains(&name) && names.iter().all(|found| found.starts_with(&name)));
    let expected = if name.ends_with('.') {
        1
    } else {
        conf.search.len() + 1
    };
    assert_eq!(names.len(), expected);
}
