-- What a call came to, what it was about, and what it took.

alter table calls add column status varchar default 'ok';
alter table calls add column detail varchar;
alter table calls add column subject varchar;
alter table calls add column flags varchar[];
alter table calls add column adapter varchar;
alter table calls add column logprobs varchar;
alter table calls add column tries integer default 1;
alter table calls add column finished_at timestamp;
