//! What the system says about asking DNS.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::target::DEFAULT_DNS_SERVER_PORT;

/// What `/etc/resolv.conf` says (resolv.conf(5)): which name servers to ask, how long to wait, what to append to names.
///
/// ```
/// use farcall_lb::dns::ResolvConf;
///
/// let conf = ResolvConf::parse("nameserver 10.0.0.53\nsearch svc.local\noptions ndots:2 timeout:1\n");
/// assert_eq!(conf.servers[0].to_string(), "10.0.0.53:53");
/// assert_eq!(conf.names("greeter.team"), ["greeter.team.svc.local", "greeter.team"]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResolvConf {
    /// In the order in which they are asked, three at most. Default 127.0.0.1.
    pub servers: Vec<SocketAddr>,
    /// Domains that names without enough dots are looked for in.
    pub search: Vec<String>,
    /// A name with this many dots is first tried as it is. Default 1.
    pub dots: usize,
    /// How long to wait for an answer. Default 5 s.
    pub timeout: Duration,
    /// How often every server is asked. Default twice.
    pub attempts: u32,
}

impl ResolvConf {
    /// Reads the file's text; lines that it does not understand are ignored, as the system ignores them.
    pub fn parse(text: &str) -> Self {
        let mut conf = Self {
            servers: Vec::new(),
            search: Vec::new(),
            dots: 1,
            timeout: Duration::from_secs(5),
            attempts: 2,
        };
        for line in text.lines().filter(|line| !line.starts_with(['#', ';'])) {
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("nameserver") if conf.servers.len() < 3 => {
                    let ip = words.next().and_then(|word| word.parse::<IpAddr>().ok());
                    let server = ip.map(|ip| SocketAddr::new(ip, DEFAULT_DNS_SERVER_PORT));
                    conf.servers.extend(server);
                }
                Some("search" | "domain") => conf.search = words.map(str::to_owned).collect(),
                Some("options") => words.for_each(|word| conf.option(word)),
                _ => {}
            }
        }
        if conf.servers.is_empty() {
            conf.servers
                .push(([127, 0, 0, 1], DEFAULT_DNS_SERVER_PORT).into());
        }
        conf
    }

    /// The names to ask for, one after the other until one has records.
    pub fn names(&self, name: &str) -> Vec<String> {
        if name.ends_with('.') {
            return vec![name.to_owned()];
        }
        let with = |domain: &String| format!("{name}.{}", domain.trim_end_matches('.'));
        let mut names: Vec<_> = self.search.iter().map(with).collect();
        let first = name.matches('.').count() >= self.dots;
        names.insert(if first { 0 } else { names.len() }, name.to_owned());
        names
    }

    fn option(&mut self, word: &str) {
        let Some((key, Ok(number))) = word.split_once(':').map(|(k, v)| (k, v.parse::<u32>()))
        else {
            return;
        };
        // The limits are the system's.
        match key {
            "ndots" => self.dots = number.min(15) as usize,
            "timeout" => self.timeout = Duration::from_secs(number.clamp(1, 30).into()),
            "attempts" => self.attempts = number.clamp(1, 5),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_read_as_the_system_reads_it() {
        let text = "# comment\n; comment\nnameserver ::1\nnameserver junk\nnameserver 1.1.1.1\n\
                    domain old.example\nsearch a.example b.example.\noptions rotate ndots:99 attempts:0 timeout:2\n";
        let conf = ResolvConf::parse(text);
        let servers: Vec<_> = conf.servers.iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["[::1]:53", "1.1.1.1:53"]);
        assert_eq!(conf.search, ["a.example", "b.example."]);
        assert_eq!(
            (conf.dots, conf.attempts, conf.timeout.as_secs()),
            (15, 1, 2)
        );
        assert_eq!(ResolvConf::parse("").servers[0].to_string(), "127.0.0.1:53");
    }

    #[test]
    fn dots_decide_whether_a_name_is_first_tried_as_it_is() {
        let conf = ResolvConf::parse("search a.example b.example.");
        assert_eq!(conf.names("x"), ["x.a.example", "x.b.example", "x"]);
        assert_eq!(conf.names("x.y"), ["x.y", "x.y.a.example", "x.y.b.example"]);
        assert_eq!(conf.names("x.y."), ["x.y."]);
    }
}
