//! Serves a pack without the rest of the product: `serve_pack PACK DATA HTTP MQTT`, e.g. `127.0.0.1:8737`. For
//! comparisons and measurements; ends with ctrl-c or SIGTERM.

use std::net::SocketAddr;
use sync_server::{ServeOptions, serve};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [pack, data, http, mqtt] = &arguments[..] else {
        return Err("usage: serve_pack PACK DATA HTTP_ADDRESS MQTT_ADDRESS".into());
    };
    let mut options = ServeOptions::new(pack.into(), data.into());
    (options.http_addr, options.mqtt_addr) = (http.parse::<SocketAddr>()?, mqtt.parse::<SocketAddr>()?);
    options.forecasts = false;
    Ok(serve(options).await?)
}
