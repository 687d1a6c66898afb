//! The hostile requests themselves.

use std::collections::BTreeMap;

use crate::beginning::Beginning;
use crate::odd;
use crate::routes::{Named, Route, api_routes, open_routes, paths};
use crate::writing::{Kind, Writing};

/// One hostile request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hostile {
    /// The method.
    pub method: String,
    /// Path and query, byte by byte as they are sent: behind the API's base.
    pub target: Vec<u8>,
    /// Headers that belong to it.
    pub headers: Vec<(&'static str, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
    /// The plain path that it is after.
    pub aim: String,
    /// What it is made of.
    pub kinds: Vec<Kind>,
    /// Whether its sender signs it.
    pub is_signed: bool,
}

impl Hostile {
    /// The target as text, with what is not ASCII escaped.
    #[must_use]
    pub fn shown(&self) -> String {
        format!("{} {}", self.method, self.target.escape_ascii())
    }
}

/// All attacks of somebody: every beginning with every aim in every writing, and the odd ones.
#[derive(Clone, Debug)]
pub struct Attacks {
    beginnings: Vec<Beginning>,
    aims: Vec<String>,
    writings: Vec<Writing>,
    odd: Vec<Hostile>,
    mark: String,
    is_signed: bool,
}

impl Attacks {
    /// Of somebody who signs nothing, on whatever has these IDs.
    #[must_use]
    pub fn by_a_stranger(named: &Named) -> Self {
        Self::new(Beginning::open(named), named, false)
    }

    /// Of somebody who may call these routes, as a policy's resources have them after the stage, and knows the IDs of
    /// `own`: on whatever has the IDs of `others`.
    #[must_use]
    pub fn by_a_caller(granted: &[String], own: &Named, others: &Named) -> Self {
        let all: Vec<Beginning> = granted.iter().flat_map(|route| Beginning::granted(route, own)).collect();
        // With a plain slash behind it, one would be the other.
        let is_another = |begun: &Beginning| {
            let path = format!("{}/", begun.path);
            all.iter().any(|other| (&other.method, &other.path, &other.end) == (&begun.method, &path, &begun.end))
        };
        Self::new(all.iter().filter(|begun| !is_another(begun)).cloned().collect(), others, true)
    }

    fn new(beginnings: Vec<Beginning>, aimed_at: &Named, is_signed: bool) -> Self {
        let aims = paths().iter().map(|path| aimed_at.put_into(path)).collect();
        let odd = if is_signed { Vec::new() } else { odd::requests(aimed_at) };
        let mark = aimed_at.mark.clone();
        Self { beginnings, aims, writings: Writing::all(), odd, mark, is_signed }
    }

    /// What is aimed at, asked for plainly by each of its methods.
    #[must_use]
    pub fn plain(named: &Named) -> Vec<Hostile> {
        let routes = api_routes().into_iter().chain(open_routes()).filter(|route| !route.path.ends_with("{proxy+}"));
        let plain = |route: Route| {
            let aim = named.put_into(&route.path);
            let body = body(&route.method, &aim, &named.mark);
            Hostile {
                method: route.method,
                target: aim.clone().into_bytes(),
                headers: vec![("content-type", b"application/json".to_vec())],
                body,
                aim,
                kinds: Vec::new(),
                is_signed: false,
            }
        };
        routes.map(plain).collect()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.beginnings.len() * self.aims.len() * self.writings.len() + self.odd.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The attack of that number.
    ///
    /// # Panics
    ///
    /// If there are not so many.
    #[must_use]
    pub fn get(&self, number: usize) -> Hostile {
        let Some(number) = number.checked_sub(self.odd.len()) else { return self.odd[number].clone() };
        let writing = &self.writings[number % self.writings.len()];
        let number = number / self.writings.len();
        let aim = &self.aims[number % self.aims.len()];
        self.written(&self.beginnings[number / self.aims.len()], aim, writing)
    }

    /// All of them, once each, in an order that is drawn from `seed`.
    pub fn drawn(&self, seed: u64) -> impl Iterator<Item = Hostile> {
        Order::new(self.len(), seed).map(|number| self.get(number))
    }

    /// The same, for whoever keeps nothing but the attacks.
    pub fn into_drawn(self, seed: u64) -> impl Iterator<Item = Hostile> {
        Order::new(self.len(), seed).map(move |number| self.get(number))
    }

    /// So many of them, drawn from `seed`: some of each kind, and most of them such that a function gets to see them.
    #[must_use]
    pub fn sample(&self, seed: u64, number: usize) -> Vec<Hostile> {
        let mut missing = Missing::new(number.div_ceil(2 * Kind::ALL.len()), self.odd.is_empty());
        let unrouted_at_most = number / 4;
        let (mut taken, mut rest, mut unrouted) = (Vec::new(), Vec::new(), 0);
        // The odd ones apart: there are so few that none might be drawn.
        let odd = Order::new(self.odd.len(), seed).map(|at| self.odd[at].clone());
        for hostile in odd {
            if missing.takes(&hostile) {
                taken.push(hostile);
            }
        }
        for at in Order::new(self.len(), seed) {
            if missing.is_empty() && taken.len() + rest.len() >= number {
                break;
            }
            if at < self.odd.len() {
                continue;
            }
            let hostile = self.get(at);
            if !hostile.is_routed() {
                unrouted += 1;
                if unrouted > unrouted_at_most {
                    continue;
                }
            }
            if missing.takes(&hostile) {
                taken.push(hostile);
            } else if rest.len() < number {
                rest.push(hostile);
            }
        }
        taken.extend(rest);
        taken.truncate(number);
        taken
    }

    fn written(&self, beginning: &Beginning, aim: &str, writing: &Writing) -> Hostile {
        let entered: Vec<&str> = beginning.path.split('/').filter(|segment| !segment.is_empty()).collect();
        let wanted: Vec<&str> = aim.split('/').skip(1).collect();
        let shared = entered.iter().zip(&wanted).take_while(|(one, other)| one == other).count();
        // So far up that something is left to go down again: else no separator would be written.
        let climbs = (entered.len() - shared.min(wanted.len() - 1)).max(1);
        let mut parts: Vec<&[u8]> = vec![writing.up; climbs];
        parts.extend(wanted[entered.len().saturating_sub(climbs)..].iter().map(|segment| segment.as_bytes()));
        let mut target = beginning.path.clone().into_bytes();
        if !beginning.path.ends_with('/') {
            target.extend(writing.separator);
        }
        target.extend(parts.join(writing.separator));
        target.extend(writing.cover);
        target.extend(beginning.end.bytes());
        let body = body(&beginning.method, aim, &self.mark);
        let json = ("content-type", b"application/json".to_vec());
        let mut kinds = writing.kinds.to_vec();
        kinds.sort();
        kinds.dedup();
        Hostile {
            method: beginning.method.clone(),
            target,
            headers: if body.is_empty() { Vec::new() } else { vec![json] },
            body,
            aim: aim.to_owned(),
            kinds,
            is_signed: self.is_signed,
        }
    }
}

/// What does the most harm where the attack arrives.
fn body(method: &str, aim: &str, mark: &str) -> Vec<u8> {
    let tenant = serde_json::json!({"name": mark, "workos": {"client_id": mark}});
    let pool = serde_json::json!({
        "account_id": "222222222222", "role_name": "CausewayLogin", "user_pool_id": "eu-west-1_Attacker1"
    });
    let body = match (method, aim.rsplit('/').next().unwrap_or_default()) {
        ("POST", "tenants") => tenant,
        ("POST", "user-pools") => pool,
        ("POST", "onboarding-links") => serde_json::json!({"account_ids": []}),
        ("POST", "approvals") => serde_json::json!({"hash": "0"}),
        ("POST", "refusals") => {
            serde_json::json!({"connection_ids": ["conn_01KAPJ7M7VYGJ5GM8WXT1C4D2N"], "reason": mark})
        }
        ("POST", "reconcile") => serde_json::json!({"dry_run": false}),
        ("PATCH", _) if aim.contains("/user-pools/") => serde_json::json!({"mode": "observe"}),
        ("PATCH", _) => serde_json::json!({"name": mark}),
        ("POST" | "PUT", _) => serde_json::json!({}),
        _ => return Vec::new(),
    };
    body.to_string().into_bytes()
}

/// How many of each kind a sample lacks.
struct Missing(BTreeMap<Kind, usize>);

impl Missing {
    fn new(quota: usize, only_of_path: bool) -> Self {
        let wanted = Kind::ALL.iter().filter(|kind| kind.is_of_path() || !only_of_path);
        Self(wanted.map(|kind| (*kind, quota)).collect())
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it is of a kind that there are too few of.
    fn takes(&mut self, hostile: &Hostile) -> bool {
        let mut is_wanted = false;
        for kind in &hostile.kinds {
            if let Some(left) = self.0.get_mut(kind) {
                is_wanted = true;
                *left -= 1;
                if *left == 0 {
                    self.0.remove(kind);
                }
            }
        }
        is_wanted
    }
}

/// The numbers below a limit, once each, in a drawn order.
struct Order {
    next: usize,
    step: usize,
    limit: usize,
    left: usize,
}

impl Order {
    fn new(limit: usize, seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let most = limit.max(1);
        let mut step = random.usize(0..most).max(1);
        while greatest_common_divisor(step, most) != 1 {
            step += 1;
        }
        Self { next: random.usize(0..most), step, limit, left: limit }
    }
}

impl Iterator for Order {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        self.left = self.left.checked_sub(1)?;
        let number = self.next;
        self.next = (self.next + self.step) % self.limit;
        Some(number)
    }
}

fn greatest_common_divisor(one: usize, other: usize) -> usize {
    if other == 0 { one } else { greatest_common_divisor(other, one % other) }
}
