-- What a node measures on its bearer, the latest as JSON. It is in no answer to anybody but an operator.

alter table nodes add column health_metrics text;
alter table nodes add column health_metrics_at timestamptz;
