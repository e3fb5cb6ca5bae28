//! The words that Suricata and Snort 3 know.

/// What differs between the engines.
#[derive(Debug)]
pub(in crate::export) struct Dialect {
    /// The second word of a head.
    pub(super) protocols: &'static [&'static str],
    /// The names of options.
    pub(super) keywords: &'static [&'static str],
    /// Whether a head may be an action and a service alone.
    pub(super) has_services: bool,
    /// Whether modifiers of a content stand behind it in one option.
    pub(super) has_modifiers_in_content: bool,
}

/// Suricata 7.0: the list of `suricata --list-keywords` (7.0.10) with the old names of words, without those that read
/// or write files of the sensor (`lua`, `filestore`, `dataset`, `iprep`, …), change packets (`replace`) or steer the
/// engine (`bypass`, `config`, …).
pub(in crate::export) const SURICATA: Dialect = Dialect {
    protocols: &[
        "dcerpc",
        "dhcp",
        "dns",
        "ftp",
        "ftp-data",
        "http",
        "http1",
        "http2",
        "icmp",
        "icmpv4",
        "icmpv6",
        "ike",
        "imap",
        "ip",
        "ipv4",
        "ipv6",
        "krb5",
        "mqtt",
        "ntp",
        "pkthdr",
        "quic",
        "rdp",
        "rfb",
        "sip",
        "smb",
        "smtp",
        "snmp",
        "ssh",
        "tcp",
        "tcp-pkt",
        "tcp-stream",
        "tftp",
        "tls",
        "udp",
    ],
    keywords: SURICATA_KEYWORDS,
    has_services: false,
    has_modifiers_in_content: false,
};

/// Snort 3: the names of its modules of rule options (3.9), with the same exceptions. The modifiers of Snort 2
/// (`nocase;` behind a content) are not among them.
pub(in crate::export) const SNORT_3: Dialect = Dialect {
    protocols: &[
        "dns", "file", "ftp", "http", "http2", "icmp", "imap", "ip", "pop3", "sip", "smtp", "ssh", "ssl", "tcp", "udp",
    ],
    keywords: SNORT_3_KEYWORDS,
    has_services: true,
    has_modifiers_in_content: true,
};

#[rustfmt::skip]
const SURICATA_KEYWORDS: &[&str] = &[
    "ack", "app-layer-protocol", "base64_data", "base64_decode", "bsize", "byte_extract", "byte_jump",
    "byte_math", "byte_test", "cip_service", "classtype", "compress_whitespace", "content", "dcerpc.iface",
    "dcerpc.opnum", "dcerpc.stub_data", "depth", "detection_filter", "dhcp.leasetime", "dhcp.rebinding_time",
    "dhcp.renewal_time", "distance", "dnp3.data", "dnp3_func", "dnp3_ind", "dnp3_obj", "dns.opcode", "dns.query",
    "dns_query", "dotprefix", "dsize", "endswith", "enip_command", "fast_pattern", "file.data", "file.magic",
    "file.name", "file_data", "fileext", "filemagic", "filename", "filesize", "flags", "flow", "flow.age",
    "flowbits", "flowint", "flowvar", "fragbits", "fragoffset", "frame", "ftpbounce", "ftpdata_command", "gid",
    "header_lowercase", "hostbits", "http.accept", "http.accept_enc", "http.accept_lang", "http.connection",
    "http.content_len", "http.content_type", "http.cookie", "http.header", "http.header.raw", "http.header_names",
    "http.host", "http.host.raw", "http.location", "http.method", "http.protocol", "http.referer",
    "http.request_body", "http.request_header", "http.request_line", "http.response_body", "http.response_header",
    "http.response_line", "http.server", "http.start", "http.stat_code", "http.stat_msg", "http.uri",
    "http.uri.raw", "http.user_agent", "http2.errorcode", "http2.frametype", "http2.header_name",
    "http2.priority", "http2.settings", "http2.size_update", "http2.window", "http_client_body", "http_cookie",
    "http_header", "http_host", "http_method", "http_raw_header", "http_raw_host", "http_raw_uri",
    "http_request_line", "http_response_line", "http_server_body", "http_stat_code", "http_stat_msg", "http_uri",
    "http_user_agent", "icmp_id", "icmp_seq", "icmpv4-csum", "icmpv4.hdr", "icmpv6-csum", "icmpv6.hdr",
    "icmpv6.mtu", "icode", "id", "ike.chosen_sa_attribute", "ike.exchtype", "ike.init_spi",
    "ike.key_exchange_payload", "ike.key_exchange_payload_length", "ike.nonce_payload",
    "ike.nonce_payload_length", "ike.resp_spi", "ike.vendor", "ip.dst", "ip.src", "ip_proto", "ipopts",
    "ipv4-csum", "ipv4.hdr", "ipv6.hdr", "isdataat", "itype", "ja3.hash", "ja3.string", "ja3_hash", "ja3_string",
    "ja3s.hash", "ja3s.string", "ja4.hash", "krb5.cname", "krb5.sname", "krb5.ticket_encryption", "krb5_err_code",
    "krb5_msg_type", "l3_proto", "metadata", "modbus", "mqtt.connack.session_present", "mqtt.connect.clientid",
    "mqtt.connect.flags", "mqtt.connect.password", "mqtt.connect.username", "mqtt.connect.willmessage",
    "mqtt.connect.willtopic", "mqtt.flags", "mqtt.protocol_version", "mqtt.publish.message", "mqtt.publish.topic",
    "mqtt.qos", "mqtt.reason_code", "mqtt.subscribe.topic", "mqtt.type", "mqtt.unsubscribe.topic", "msg",
    "nfs.version", "nfs_procedure", "nocase", "offset", "pcre", "pcrexform", "pkt_data", "pktvar", "priority",
    "quic.cyu.hash", "quic.cyu.string", "quic.sni", "quic.ua", "quic.version", "rawbytes", "reference", "rev",
    "rfb.name", "rfb.secresult", "rfb.sectype", "rpc", "sameip", "seq", "sid", "sip.method", "sip.protocol",
    "sip.request_line", "sip.response_line", "sip.stat_code", "sip.stat_msg", "sip.uri", "smb.named_pipe",
    "smb.ntlmssp_domain", "smb.ntlmssp_user", "smb.share", "snmp.community", "snmp.pdu_type", "snmp.usm",
    "snmp.version", "ssh.hassh", "ssh.hassh.server", "ssh.hassh.server.string", "ssh.hassh.string", "ssh.proto",
    "ssh.protoversion", "ssh.software", "ssh.softwareversion", "ssh_proto", "ssh_software", "ssl_state",
    "ssl_version", "startswith", "stream_size", "strip_pseudo_headers", "strip_whitespace", "tag", "target",
    "tcp.ack", "tcp.flags", "tcp.hdr", "tcp.mss", "tcp.seq", "tcp.window", "tcpv4-csum", "tcpv6-csum",
    "threshold", "tls.cert_chain_len", "tls.cert_fingerprint", "tls.cert_issuer", "tls.cert_serial",
    "tls.cert_subject", "tls.certs", "tls.fingerprint", "tls.issuerdn", "tls.random", "tls.random_bytes",
    "tls.random_time", "tls.sni", "tls.subject", "tls.version", "tls_cert_expired", "tls_cert_fingerprint",
    "tls_cert_issuer", "tls_cert_notafter", "tls_cert_notbefore", "tls_cert_serial", "tls_cert_subject",
    "tls_cert_valid", "tls_sni", "to_lowercase", "to_md5", "to_sha1", "to_sha256", "to_uppercase", "tos", "ttl",
    "udp.hdr", "udpv4-csum", "udpv6-csum", "uricontent", "urilen", "url_decode", "window", "within", "xbits",
    "xor",
];

#[rustfmt::skip]
const SNORT_3_KEYWORDS: &[&str] = &[
    "ack", "appids", "base64_data", "base64_decode", "ber_data", "ber_skip", "bufferlen", "byte_extract",
    "byte_jump", "byte_math", "byte_test", "cip_attribute", "cip_class", "cip_conn_path_class", "cip_instance",
    "cip_req", "cip_rsp", "cip_service", "cip_status", "classtype", "content", "cvs", "dce_iface", "dce_opnum",
    "dce_stub_data", "detection_filter", "dnp3_data", "dnp3_func", "dnp3_ind", "dnp3_obj", "dsize",
    "enip_command", "enip_req", "enip_rsp", "file_data", "file_type", "flags", "flow", "flowbits", "fragbits",
    "fragoffset", "gid", "gtp_info", "gtp_type", "gtp_version", "http_client_body", "http_cookie", "http_header",
    "http_method", "http_param", "http_raw_body", "http_raw_cookie", "http_raw_header", "http_raw_request",
    "http_raw_status", "http_raw_uri", "http_stat_code", "http_stat_msg", "http_true_ip", "http_uri",
    "http_version", "icmp_id", "icmp_seq", "icode", "id", "iec104_apci_type", "iec104_asdu_func", "ip_proto",
    "ipopts", "isdataat", "itype", "js_data", "md5", "metadata", "modbus_data", "modbus_func", "modbus_unit",
    "msg", "pcre", "pkt_data", "priority", "raw_data", "reference", "regex", "rem", "rev", "rpc",
    "s7commplus_content", "s7commplus_func", "s7commplus_opcode", "sd_pattern", "seq", "service", "sha256",
    "sha512", "sid", "sip_body", "sip_header", "sip_method", "sip_stat_code", "ssl_state", "ssl_version",
    "stream_size", "tag", "target", "tos", "ttl", "vba_data", "window",
];
