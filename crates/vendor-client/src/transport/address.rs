//! Which addresses a vendor cannot stand at unless the configuration says so.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is private in the widest sense: not one of the public internet's, or a form that leads to one that is not.
///
/// Private, loopback, link-local (the cloud's metadata service among them), unique-local, carrier-grade NAT, "this
/// network", multicast, reserved and documentation ranges (IANA special-purpose registries); for IPv6 also what embeds
/// such an IPv4 address: mapped, compatible, NAT64 and 6to4.
#[must_use]
pub fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_private_v4(v4),
        IpAddr::V6(v6) => is_private_v6(v6),
    }
}

fn is_private_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_multicast()
        || v4.is_documentation()
        || a == 0
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19))
        || a >= 240
}

fn is_private_v6(v6: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = v6.segments();
    let embedded = |high: u16, low: u16| {
        let [w, x] = high.to_be_bytes();
        let [y, z] = low.to_be_bytes();
        is_private_v4(Ipv4Addr::new(w, x, y, z))
    };
    match [a, b, c, d, e, f] {
        // Unspecified, loopback and the long outdated IPv4-compatible form: nothing public is there.
        [0, 0, 0, 0, 0, 0] => true,
        // ::ffff:a.b.c.d, and the translated form ::ffff:0:a.b.c.d.
        [0, 0, 0, 0, 0, 0xffff] | [0, 0, 0, 0, 0xffff, 0] => embedded(g, h),
        // NAT64 (RFC 6052).
        [0x64, 0xff9b, 0, 0, 0, 0] => embedded(g, h),
        // NAT64 of a network's own (RFC 8215): where it leads is that network's affair.
        [0x64, 0xff9b, 1, ..] => true,
        // 6to4 (RFC 3056).
        [0x2002, ..] => embedded(b, c),
        // Teredo, benchmarking, ORCHID, documentation.
        [0x2001, x, ..] if x < 0x200 || x == 0x0db8 => true,
        [0x3fff, x, ..] if x < 0x1000 => true,
        // Discard-only.
        [0x100, 0, 0, 0, ..] => true,
        // Unique-local fc00::/7, link-local fe80::/10, the former site-local fec0::/10, multicast ff00::/8.
        [x, ..] => x & 0xfe00 == 0xfc00 || x & 0xff80 == 0xfe80 || x & 0xff00 == 0xff00,
    }
}
