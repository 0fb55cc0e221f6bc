-- What voters make of pairs: their raw rewards, the strength of the preference, and how a policy treats the pair.

create table pair_strength (
    panel varchar not null,
    policy varchar not null,
    pair_id varchar not null,
    dataset varchar not null,
    version integer not null,
    voters varchar[] not null,
    chosen double[] not null,
    rejected double[] not null,
    mu double not null,
    sigma double not null,
    percentile double not null,
    confidence double,
    treatment varchar not null,
    treated_id varchar,
    soft_label double not null,
    margin double,
    run_id varchar
);
alter table pair_strength set sorted by (pair_id asc);
