// Package k8s has the manifests for Kubernetes, and no code. It is a module of its own, so that the types they are checked by weigh on
// nobody else.
package k8s

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"
)

// manifest is what one file holds.
type manifest struct {
	deployment apps.Deployment
	service    core.Service
	budget     policy.PodDisruptionBudget
	network    networking.NetworkPolicy
}

// load decodes a file strictly: a field that the types do not have, or one that is there twice, fails.
func load(t *testing.T, path string) (m manifest) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	into := map[string]any{
		"apps/v1 Deployment": &m.deployment, "v1 Service": &m.service,
		"policy/v1 PodDisruptionBudget": &m.budget, "networking.k8s.io/v1 NetworkPolicy": &m.network,
	}
	for _, document := range strings.Split(string(text), "\n---\n") {
		var kind meta.TypeMeta
		if err := yaml.Unmarshal([]byte(document), &kind); err != nil {
			t.Fatal(err)
		}
		name := kind.APIVersion + " " + kind.Kind
		object, ok := into[name]
		if !ok {
			t.Fatalf("%s: %q is unknown, or there twice", path, name)
		}
		delete(into, name)
		if err := yaml.UnmarshalStrict([]byte(document), object); err != nil {
			t.Errorf("%s: %s: %v", path, name, err)
		}
	}
	for missing := range into {
		t.Errorf("%s has no %s", path, missing)
	}
	return m
}

// TestManifests: whatever selects pods selects those of the deployment, ports have the names that are used, and the pods may do no
// more than they need.
func TestManifests(t *testing.T) {
	for path, port := range map[string]int32{"firstlight.yaml": 8080, "collect.yaml": 8088} {
		m := load(t, path)
		d, pod := m.deployment.Spec, m.deployment.Spec.Template.Spec
		pods := labels.Set(d.Template.Labels)
		for what, selector := range map[string]*meta.LabelSelector{
			"deployment": d.Selector, "budget": m.budget.Spec.Selector, "network": &m.network.Spec.PodSelector,
			"service": {MatchLabels: m.service.Spec.Selector}, "spread": pod.TopologySpreadConstraints[0].LabelSelector,
		} {
			s, err := meta.LabelSelectorAsSelector(selector)
			if err != nil || s.Empty() || !s.Matches(pods) {
				t.Errorf("%s: the %s selects %v, the pods have %v (%v)", path, what, selector, pods, err)
			}
		}
		if *d.Replicas < 2 || m.budget.Spec.MaxUnavailable.IntValue() != 1 || len(m.network.Spec.PolicyTypes) != 2 {
			t.Errorf("%s: %d replicas, budget %v, network %v", path, *d.Replicas, m.budget.Spec, m.network.Spec.PolicyTypes)
		}
		for _, v := range pod.Volumes {
			if v.ConfigMap == nil && (v.EmptyDir == nil || v.EmptyDir.Medium != core.StorageMediumMemory) {
				t.Errorf("%s: the volume %s is neither the catalog nor in memory", path, v.Name)
			}
		}
		if len(pod.Containers) != 1 {
			t.Fatalf("%s: %d containers", path, len(pod.Containers))
		}
		c := pod.Containers[0]
		if len(c.Ports) != 1 || c.Ports[0].Name != "http" || c.Ports[0].ContainerPort != port {
			t.Errorf("%s: ports %v, want http at %d", path, c.Ports, port)
		}
		for what, target := range map[string]string{
			"service": m.service.Spec.Ports[0].TargetPort.StrVal, "network": m.network.Spec.Ingress[0].Ports[0].Port.StrVal,
			"liveness": c.LivenessProbe.HTTPGet.Port.StrVal, "readiness": c.ReadinessProbe.HTTPGet.Port.StrVal,
		} {
			if target != "http" {
				t.Errorf("%s: the port of %s is %q", path, what, target)
			}
		}
		if c.LivenessProbe.HTTPGet.Path != "/healthz" || c.ReadinessProbe.HTTPGet.Path != "/readyz" {
			t.Errorf("%s: probes at %s and %s", path, c.LivenessProbe.HTTPGet.Path, c.ReadinessProbe.HTTPGet.Path)
		}
		s := c.SecurityContext
		if *s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem || len(s.Capabilities.Drop) != 1 || !*pod.SecurityContext.RunAsNonRoot || *pod.AutomountServiceAccountToken || *pod.EnableServiceLinks {
			t.Errorf("%s: pods may do more than they need", path)
		}
		if c.Resources.Requests.Cpu().IsZero() || c.Resources.Requests.Memory().IsZero() || c.Resources.Limits.Memory().Cmp(*c.Resources.Requests.Memory()) < 0 {
			t.Errorf("%s: resources %v", path, c.Resources)
		}
		checkSettings(t, path, c.Env)
	}
}

var setting = regexp.MustCompile(`env:"(\w+)"(.*)`)

// checkSettings holds that variables are settings, and that secrets come from secrets.
func checkSettings(t *testing.T, path string, env []core.EnvVar) {
	t.Helper()
	source, err := os.ReadFile("../../cmd/firstlight/settings.go")
	if err != nil {
		t.Fatal(err)
	}
	secret := map[string]bool{}
	for _, m := range setting.FindAllStringSubmatch(string(source), -1) {
		secret[m[1]] = strings.Contains(m[2], ` secret:"`)
	}
	var names []string
	for _, v := range env {
		is, known := secret[v.Name]
		if !known || slices.Contains(names, v.Name) {
			t.Errorf("%s: %s is no setting, or there twice", path, v.Name)
		}
		if is && (v.ValueFrom == nil || v.ValueFrom.SecretKeyRef == nil) {
			t.Errorf("%s: %s must come from a Secret", path, v.Name)
		}
		names = append(names, v.Name)
	}
}
