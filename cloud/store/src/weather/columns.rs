//! The metric columns of `readings`, in the order of the metric table: written out here so that every statement is a
//! constant. A test holds this list, and the columns of both databases, to the table.

use kosmo_domain::{METRICS, Metrics, TimeSource, Trust};
use sqlx::{ColumnIndex, Decode, Row, Type};

/// A piece of SQL about every metric's column, each after a comma: `names` of the columns, `marks` for their values in
/// SQLite, `arrays` of their values in PostgreSQL (whose parameters stand beside the names), or how they `merge` into a row.
macro_rules! metric_columns {
    ($form:ident) => {
        $crate::weather::columns::metric_columns!(@$form
            "temperature_c" "$8"
            "humidity_pct" "$9"
            "pressure_hpa" "$10"
            "gas_resistance_ohm" "$11"
            "iaq" "$12"
            "wind_speed_ms" "$13"
            "wind_gust_ms" "$14"
            "wind_lull_ms" "$15"
            "wind_direction_deg" "$16"
            "rain_mm" "$17"
            "rain_1h_mm" "$18"
            "rain_24h_mm" "$19"
            "illuminance_lux" "$20"
            "white_light_lux" "$21"
            "infrared_light_lux" "$22"
            "ultraviolet_light_lux" "$23"
            "soil_temperature_c" "$24"
            "soil_moisture_pct" "$25"
            "radiation_urh" "$26"
            "distance_mm" "$27"
            "weight_kg" "$28"
            "pm1_ugm3" "$29"
            "pm25_ugm3" "$30"
            "pm4_ugm3" "$31"
            "pm10_ugm3" "$32"
            "particles_03um_per_dl" "$33"
            "particles_05um_per_dl" "$34"
            "particles_10um_per_dl" "$35"
            "particles_25um_per_dl" "$36"
            "particles_40um_per_dl" "$37"
            "particles_50um_per_dl" "$38"
            "particles_100um_per_dl" "$39"
            "particle_size_um" "$40"
            "co2_ppm" "$41"
            "formaldehyde_ppb" "$42"
            "voc_index" "$43"
            "nox_index" "$44"
            "battery_pct" "$45"
            "battery_voltage_v" "$46"
            "external_power" "$47"
            "bus_voltage_v" "$48"
            "bus_current_ma" "$49"
            "ch1_voltage_v" "$50"
            "ch1_current_ma" "$51"
            "ch2_voltage_v" "$52"
            "ch2_current_ma" "$53"
            "ch3_voltage_v" "$54"
            "ch3_current_ma" "$55"
            "channel_utilization_pct" "$56"
            "air_util_tx_pct" "$57"
            "uptime_s" "$58"
        )
    };
    (@names $($column:literal $parameter:literal)*) => {
        concat!($(", ", $column),*)
    };
    (@marks $($column:literal $parameter:literal)*) => {
        concat!($($crate::weather::columns::metric_columns!(@mark $column)),*)
    };
    (@mark $column:literal) => {
        ", ?"
    };
    (@arrays $($column:literal $parameter:literal)*) => {
        concat!($(", ", $parameter, "::double precision[]"),*)
    };
    (@merge $($column:literal $parameter:literal)*) => {
        concat!($(
            ", ", $column, " = case when excluded.trust > readings.trust then excluded.", $column,
            " else coalesce(excluded.", $column, ", readings.", $column, ") end"
        ),*)
    };
}

pub(crate) use metric_columns;

/// Reads the metrics from a row in which they stand from column `first` on.
///
/// A value that today's table calls implausible was stored under an older one, and is passed over.
pub(crate) fn metrics<'r, R>(row: &'r R, first: usize) -> sqlx::Result<Metrics>
where
    R: Row,
    usize: ColumnIndex<R>,
    f64: Decode<'r, R::Database> + Type<R::Database>,
{
    let mut metrics = Metrics::NONE;
    for (index, spec) in METRICS.iter().enumerate() {
        if let Some(value) = row.try_get_unchecked::<Option<f64>, _>(first + index)? {
            let _ = metrics.set(spec.metric, value);
        }
    }
    Ok(metrics)
}

/// Reads what [`Trust`] is stored as; what a newer program would have written is trusted least.
pub(crate) fn trust(stored: i16) -> Trust {
    [Trust::Relayed, Trust::ApiKey, Trust::Hmac].into_iter().find(|trust| *trust as i16 == stored).unwrap_or(Trust::Claimed)
}

/// Reads what [`TimeSource`] is stored as.
pub(crate) fn time_source(stored: &str) -> TimeSource {
    let all = [TimeSource::Device, TimeSource::Radio, TimeSource::Bridge];
    all.into_iter().find(|source| source.as_str() == stored).unwrap_or(TimeSource::Server)
}
