{{- /* What experiments are counted from. */ -}}

{{define "trial_days"}}{{/* of each metric that an experiment asks and each variant, users by the day of their first exposure; needs clock, today and sunday_weeks */ -}}
    asked AS (SELECT *, cells AS origin FROM {{db}}.experiments FINAL WHERE catalog_version = {{template "catalog_version"}}),
    exposed AS
    (
        SELECT name, segment_value, day, toUnixTimestamp(bucket_end) AS ended, sum(n) AS users
        FROM {{db}}.cells FINAL
        WHERE (generation, name) IN (SELECT origin, cohort FROM asked) AND kind = 'entry' AND segment = 'variant'
        GROUP BY name, segment_value, day, ended
        HAVING users > 0
    ),
    outcome AS
    (
        SELECT name, segment_value, toUnixTimestamp(bucket_end) AS ended, sumIf(n, stage = 0) AS reached, sumIf(n, stage = 1) AS left_out
        FROM {{db}}.cells FINAL
        WHERE (generation, name) IN (SELECT origin, cell FROM asked) AND kind = 'reach' AND segment = 'variant'
        GROUP BY name, segment_value, ended
    ),
    days AS
    (
        SELECT position, metric_position, variant, day, shown, reached, crossed,
            if(unit = '', ended + within_seconds <= as_of_s, {{template "periods_over" "unit"}} > period_number) AS is_over
        FROM
        (
            SELECT a.position AS position, a.metric_position AS metric_position, e.segment_value AS variant, e.users AS shown, r.reached AS reached, r.left_out AS crossed,
                a.within_seconds AS within_seconds, a.period AS unit, a.period_number AS period_number, e.day AS day, e.ended AS ended
            FROM asked AS a
            INNER JOIN exposed AS e ON e.name = a.cohort
            LEFT JOIN outcome AS r ON r.name = a.cell AND r.segment_value = e.segment_value AND r.ended = e.ended
        )
    )
{{- end}}

{{define "always_rates"}}{{/* rates p and q of k of n users and of other_k of other_n, and z2 of their limits when so many variants are compared. Of a level below always_limits: what is written out in one level is analysed again wherever its name stands in it */ -}}
    {{template "always_z2" args "n" "n" "other_n" "other_n" "compared" "compared"}} AS z2,
    k / nullIf(n, 0) AS p, other_k / nullIf(other_n, 0) AS q
{{- end}}

{{define "always_limits"}}{{/* of p and q, for newcombe_low and newcombe_high */ -}}
    {{template "score_low" args "k" "k" "n" "n" "z2" "z2"}} AS p_low, {{template "score_high" args "k" "k" "n" "n" "z2" "z2"}} AS p_high,
    {{template "score_low" args "k" "other_k" "n" "other_n" "z2" "z2"}} AS q_low, {{template "score_high" args "k" "other_k" "n" "other_n" "z2" "z2"}} AS q_high
{{- end}}
