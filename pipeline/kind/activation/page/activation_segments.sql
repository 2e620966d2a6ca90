{{template "segments_head"}}
    SELECT segment, segment_value, sum(entered) AS entered, sum(eligible) AS n, sum(activated) AS k
    FROM {{view "activation_by_cohort_segments"}}
{{- template "segments_tail" .}}
