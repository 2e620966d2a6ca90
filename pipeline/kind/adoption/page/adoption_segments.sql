{{template "segments_head"}}
    SELECT segment, segment_value, sum(entered) AS entered, sum(eligible) AS n, sum(adopted) AS k
    FROM {{view "adoption_by_cohort_segments"}}
{{- template "segments_tail" .}}
