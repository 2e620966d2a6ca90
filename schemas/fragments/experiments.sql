{{- /* Differences of two rates that may be looked at whenever one likes, as stats.AlwaysDifference and stats.SampleRatio have them. */ -}}

{{define "always_z2"}}{{/* squared standard deviations, of n users and other_n of the control when so many variants are compared with it: Robbins' normal mixture, tightest at 2,000 users in each */ -}}
    if({{.n}} = 0 OR {{.other_n}} = 0, NULL, (1 + 126.0056097925634 * (1 / {{.n}} + 1 / {{.other_n}})) * (log1p(1 / (126.0056097925634 * (1 / {{.n}} + 1 / {{.other_n}}))) + 2 * log(20 * {{.compared}})))
{{- end}}

{{define "score_low"}}{{/* of k of n users, with z2 squared standard deviations (Wilson 1927) */ -}}
    multiIf({{.n}} = 0, NULL, {{.k}} <= 0, 0., ({{.k}} + {{.z2}} / 2 - sqrt({{.z2}} * ({{.k}} * ({{.n}} - {{.k}}) / {{.n}} + {{.z2}} / 4))) / ({{.n}} + {{.z2}}))
{{- end}}

{{define "score_high" -}}
    multiIf({{.n}} = 0, NULL, {{.k}} >= {{.n}}, 1., ({{.k}} + {{.z2}} / 2 + sqrt({{.z2}} * ({{.k}} * ({{.n}} - {{.k}}) / {{.n}} + {{.z2}} / 4))) / ({{.n}} + {{.z2}}))
{{- end}}

{{define "sample_ratio_p"}}{{/* users: Array of counts of first exposures, shares: Array of what was meant, in the same order */ -}}
    least(1., 2 / (exp({{template "dealt" args "users" .users "shares" .shares "sure" "2"}})
        + exp({{template "dealt" args "users" .users "shares" .shares "sure" "500"}})))
{{- end}}

{{define "dealt"}}{{/* the logarithm of an e-value: the shares drawn from a Dirichlet distribution around those that were meant, against those */ -}}
    lgamma({{.sure}}) - lgamma({{.sure}} + arraySum({{.users}})) + arraySum((seen, share) -> lgamma({{.sure}} * share + seen) - lgamma({{.sure}} * share) - seen * log(share), {{.users}}, {{.shares}})
{{- end}}
