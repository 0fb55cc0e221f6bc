-- The first tables. DuckLake has no keys: Lake.append keeps them (see warehouse/README.md).

create table calls (
    call_id varchar not null,
    attempt integer not null,
    purpose varchar not null,
    engine varchar not null,
    model varchar not null,
    model_revision varchar not null,
    template_hash varchar,
    request varchar not null,
    raw_text varchar not null,
    finish_reason varchar not null,
    prompt_tokens integer not null,
    completion_tokens integer not null,
    latency_ms double,
    cost_usd double,
    run_id varchar
);

create table dataset_rows (
    dataset varchar not null,
    version integer not null,
    pair_id varchar not null,
    op varchar not null,
    split varchar,
    rule varchar,
    label_source varchar,
    margin double,
    weight double,
    soft_label double
);

create table datasets (
    dataset varchar not null,
    version integer not null,
    parent integer,
    fingerprint varchar not null,
    n_pairs bigint not null,
    n_added bigint not null,
    n_removed bigint not null,
    message varchar not null,
    recipe varchar not null,
    funnel varchar not null,
    snapshot bigint not null,
    run_id varchar,
    created_at timestamp not null
);

create table drops (
    drop_id varchar not null,
    stage varchar not null,
    row_kind varchar not null,
    row_id varchar,
    reason varchar not null,
    detail varchar,
    file varchar,
    line bigint,
    run_id varchar
);

create table evaluations (
    subject varchar not null,
    metric varchar not null,
    data varchar not null,
    value double not null,
    low double,
    high double,
    n bigint not null,
    run_id varchar
);

create table models (
    model_id varchar not null,
    kind varchar not null,
    objective varchar not null,
    base varchar not null,
    base_revision varchar not null,
    dataset varchar not null,
    version integer not null,
    fingerprint varchar not null,
    settings varchar not null,
    metrics varchar not null,
    path varchar not null,
    run_id varchar,
    created_at timestamp not null
);

create table pairs (
    pair_id varchar not null,
    prompt_id varchar not null,
    chosen_id varchar not null,
    rejected_prompt_id varchar not null,
    rejected_id varchar not null,
    run_id varchar
);

create table prompts (
    prompt_id varchar not null,
    source varchar not null,
    messages struct("role" varchar, "content" varchar)[] not null,
    license varchar,
    parent_id varchar,
    op varchar,
    constraints varchar[],
    run_id varchar
);

create table responses (
    response_id varchar not null,
    prompt_id varchar not null,
    model varchar not null,
    text varchar not null,
    finish_reason varchar,
    n_tokens integer,
    call_id varchar,
    source varchar not null,
    run_id varchar
);

create table runs (
    run_id varchar not null,
    stage varchar not null,
    recipe varchar not null,
    funnel varchar not null,
    calls_made bigint not null,
    calls_reused bigint not null,
    seconds double not null,
    code_version varchar not null,
    finished_at timestamp not null
);

create table scores (
    call_id varchar not null,
    response_id varchar not null,
    judge varchar not null,
    judge_version varchar not null,
    aspect varchar not null,
    value double,
    scale_lo double not null,
    scale_hi double not null,
    rationale varchar,
    failure varchar,
    run_id varchar
);

create table votes (
    vote_id varchar not null,
    prompt_id varchar not null,
    response_a varchar not null,
    response_b varchar not null,
    shown_first varchar not null,
    verdict varchar,
    strength double,
    annotator varchar not null,
    annotator_kind varchar not null,
    annotator_version varchar,
    justification varchar,
    failure varchar,
    call_id varchar,
    source varchar not null,
    run_id varchar
);
