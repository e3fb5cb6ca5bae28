//! An answer of MISP with as many rows as one likes, for measuring: invented values, the fields and sizes of a real
//! one.

/// Returns the body of a `restSearch` answer with the tags of the event, about 800 bytes a row.
pub(crate) fn answer(rows: u64) -> Vec<u8> {
    let mut json = String::from("{\"response\": {\"Attribute\": [");
    for id in 1..=rows {
        if id > 1 {
            json.push(',');
        }
        json.push_str(&row(id));
    }
    json.push_str("]}}\n");
    json.into_bytes()
}

fn row(id: u64) -> String {
    let (kind, value) = match id % 4 {
        0 => ("ip-dst", format!("198.51.{}.{}", id / 256 % 256, id % 256)),
        1 => ("domain", format!("host{id}.example.com")),
        2 => ("url", format!("http:\\/\\/host{id}.example.org\\/a\\/b?c={id}")),
        _ => (
            "sha256",
            format!(
                "{:064x}",
                u128::from(id).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
            ),
        ),
    };
    format!(
        "{{\"id\":\"{id}\",\"event_id\":\"{event}\",\"object_id\":\"0\",\"object_relation\":null,\
         \"category\":\"Network activity\",\"type\":\"{kind}\",\"to_ids\":true,\
         \"uuid\":\"{low:08x}-cdb7-445b-af6d-{id:012x}\",\"timestamp\":\"17953{low:05}\",\"distribution\":\"5\",\
         \"sharing_group_id\":\"0\",\"comment\":\"seen by \\u201cpartner\\u201d\",\"deleted\":false,\
         \"disable_correlation\":false,\"first_seen\":null,\"last_seen\":null,\"value\":\"{value}\",\
         \"Event\":{{\"org_id\":\"2\",\"distribution\":\"1\",\"publish_timestamp\":\"1795307732\",\"id\":\"{event}\",\
         \"info\":\"EX-BULK an event with a title of usual length\",\"orgc_id\":\"2\",\
         \"uuid\":\"a7827019-da84-4a33-8fb9-23ce3aef0786\"}},\
         \"Tag\":[{{\"id\":\"8\",\"name\":\"example:incident-classification=block\",\"colour\":\"#33a4d7\",\
         \"numerical_value\":null,\"is_galaxy\":false,\"local\":false}},\
         {{\"id\":\"15\",\"name\":\"tlp:green\",\"colour\":\"#347eb0\",\"numerical_value\":null,\"inherited\":1}}]}}",
        event = id / 50 + 1,
        low = id % 100_000,
    )
}
