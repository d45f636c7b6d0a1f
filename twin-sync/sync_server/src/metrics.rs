//! Counters, in the Prometheus text format.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the commit latency buckets, milliseconds.
const BUCKETS_MS: [f64; 12] = [0.5, 1.0, 2.0, 4.0, 6.0, 8.0, 12.0, 16.0, 32.0, 64.0, 128.0, 512.0];

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident: $help:literal;)*) => {
        /// Counts since the start of the process.
        #[derive(Debug, Default)]
        pub(crate) struct Metrics {
            $($(#[$doc])* pub(crate) $name: Counter,)*
            pub(crate) mqtt_clients: Gauge,
            pub(crate) viewers: Gauge,
            commit: Histogram,
        }

        impl Metrics {
            fn counters(&self) -> Vec<(&'static str, &'static str, u64)> {
                vec![$((stringify!($name), $help, self.$name.get()),)*]
            }
        }
    };
}

counters! {
    received: "Messages received over MQTT";
    committed: "Messages committed to the log";
    acked: "Messages acknowledged to devices";
    repeats: "Messages recognised as repeats";
    samples: "Values committed to history";
    late_samples: "Values that arrived after a newer one";
    dead_letters: "Messages stored as dead letters";
    oversized: "Packets refused for their size";
    protocol_errors: "MQTT connections ended for a protocol error";
    refused_clients: "MQTT connections refused at CONNECT";
    refused_publishes: "MQTT messages refused: not a topic of the device";
    alarms_raised: "Alarms raised";
    changes: "Operator changes committed";
    commits: "Transactions committed";
    frames: "Frames sent to viewers";
    resyncs: "Viewer frames built for one viewer because it was behind";
}

#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, n: usize) {
        self.0.fetch_add(n as u64, Ordering::Relaxed);
    }
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Gauge(AtomicI64);

impl Gauge {
    /// Counts one up until the guard is dropped.
    pub(crate) fn enter(&self) -> GaugeGuard<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        GaugeGuard(self)
    }
    pub(crate) fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
pub(crate) struct GaugeGuard<'a>(&'a Gauge);

impl Drop for GaugeGuard<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Debug, Default)]
struct Histogram {
    buckets: [AtomicU64; BUCKETS_MS.len()],
    count: AtomicU64,
    sum_us: AtomicU64,
}

impl Metrics {
    pub(crate) fn commit_took(&self, took: Duration) {
        self.commits.add(1);
        let ms = took.as_secs_f64() * 1000.0;
        for (bucket, bound) in self.commit.buckets.iter().zip(BUCKETS_MS) {
            if ms <= bound {
                bucket.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.commit.count.fetch_add(1, Ordering::Relaxed);
        self.commit.sum_us.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// The bound of the first bucket that holds this share of the commits, ms; `None` without commits or beyond the last.
    pub(crate) fn commit_quantile_ms(&self, share: f64) -> Option<f64> {
        let wanted = self.commit.count.load(Ordering::Relaxed) as f64 * share;
        let mut found = self.commit.buckets.iter().zip(BUCKETS_MS);
        found.find(|(b, _)| wanted > 0.0 && b.load(Ordering::Relaxed) as f64 >= wanted).map(|(_, bound)| bound)
    }

    /// The text of `/metrics`, with gauges that others own.
    pub(crate) fn render(&self, gauges: &[(&str, &str, f64)]) -> String {
        let mut out = String::new();
        let mut line = |name: &str, help: &str, kind: &str, value: String| {
            let name = format!("sandtable_{name}");
            // Writing to a string cannot fail.
            writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}").unwrap_or_default();
        };
        for (name, help, value) in self.counters() {
            line(&format!("{name}_total"), help, "counter", value.to_string());
        }
        line("mqtt_clients", "MQTT connections open", "gauge", self.mqtt_clients.get().to_string());
        line("viewers", "Viewer connections open", "gauge", self.viewers.get().to_string());
        for (name, help, value) in gauges {
            line(name, help, "gauge", value.to_string());
        }
        self.render_histogram(&mut out);
        out
    }

    fn render_histogram(&self, out: &mut String) {
        let name = "sandtable_commit_seconds";
        let (count, sum) = (self.commit.count.load(Ordering::Relaxed), self.commit.sum_us.load(Ordering::Relaxed));
        out.push_str(&format!("# HELP {name} Time of a commit to disk\n# TYPE {name} histogram\n"));
        for (bucket, bound) in self.commit.buckets.iter().zip(BUCKETS_MS) {
            let (le, n) = (bound / 1000.0, bucket.load(Ordering::Relaxed));
            out.push_str(&format!("{name}_bucket{{le=\"{le}\"}} {n}\n"));
        }
        out.push_str(&format!("{name}_bucket{{le=\"+Inf\"}} {count}\n"));
        out.push_str(&format!("{name}_sum {}\n{name}_count {count}\n", sum as f64 / 1e6));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_and_text() {
        let m = Metrics::default();
        assert_eq!(m.commit_quantile_ms(0.5), None);
        for ms in [1, 1, 3, 100] {
            m.commit_took(Duration::from_millis(ms));
        }
        assert_eq!((m.commit_quantile_ms(0.5), m.commit_quantile_ms(0.99)), (Some(1.0), Some(128.0)));
        let guard = m.viewers.enter();
        let text = m.render(&[("seq", "Last sequence", 7.0)]);
        assert!(text.contains("sandtable_viewers 1\n") && text.contains("sandtable_seq 7\n"));
        assert!(text.contains("sandtable_commits_total 4\n") && text.contains("le=\"+Inf\"} 4\n"));
        drop(guard);
        assert_eq!(m.viewers.get(), 0);
    }
}
