// Records what the Go kubelet writes and decides about pulled images (pkg/kubelet/images/pullmanager, pkg/credentialprovider): the fixtures
// of src/images/goImageRecords.test.ts. Run from hack/tools/kubernetes, whose go.mod pins the version:
//
//	go run ../../checkpoints/imageRecords.go > ../../checkpoints/imageRecords.json
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/credentialprovider"
	"k8s.io/kubernetes/pkg/credentialprovider/secrets"
	"k8s.io/kubernetes/pkg/kubelet/apis/config"
	container "k8s.io/kubernetes/pkg/kubelet/container"
	"k8s.io/kubernetes/pkg/kubelet/images/pullmanager"
)

type file struct {
	Path string `json:"path"`
	Text string `json:"text"`
}

type hashed struct {
	Type   string `json:"type"`
	Config string `json:"config"`
	Image  string `json:"image"`
	// What is found for the image, in order.
	Found []found `json:"found"`
	Error string  `json:"error,omitempty"`
}

type found struct {
	Username string `json:"username"`
	Password string `json:"password"`
	Hash     string `json:"hash"`
}

type decision struct {
	Policy string `json:"policy"`
	Image  string `json:"image"`
	Ref    string `json:"ref"`
	// Which of the tenants asks.
	Tenant   int  `json:"tenant"`
	MustPull bool `json:"mustPull"`
	// The record of the image afterwards, if the decision wrote one.
	After string `json:"after,omitempty"`
}

type tenant struct {
	Secrets        []config.ImagePullSecret
	ServiceAccount *config.ImagePullServiceAccount
}

type pattern struct {
	Pattern string `json:"pattern"`
	Error   string `json:"error"`
}

type recorded struct {
	Files     []file     `json:"files"`
	Keyrings  []hashed   `json:"keyrings"`
	Tenants   []tenant   `json:"tenants"`
	Decisions []decision `json:"decisions"`
	Patterns  []pattern  `json:"patterns"`
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

var logger = klog.Background()

var (
	secretA  = config.ImagePullSecret{UID: "uid-a", Namespace: "team-a", Name: "cred", CredentialHash: "hash-a"}
	secretB  = config.ImagePullSecret{UID: "uid-b", Namespace: "team-b", Name: "cred", CredentialHash: "hash-b"}
	account  = config.ImagePullServiceAccount{UID: "uid-sa", Namespace: "team-c", Name: "robot"}
	when     = metav1.Time{Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	mappings = map[string]map[string]config.ImagePullCredentials{
		"sha256:secrets":   {"reg.example/app": {KubernetesSecrets: []config.ImagePullSecret{secretA, secretB}}},
		"sha256:accounts":  {"reg.example/app": {KubernetesServiceAccounts: []config.ImagePullServiceAccount{account}}},
		"sha256:everybody": {"reg.example/app": {NodePodsAccessible: true}, "Z.example/<&>": {}, "busybox": {NodePodsAccessible: true}},
		"sha256:nobody":    {},
		"sha256:nohash":    {"reg.example/app": {KubernetesSecrets: []config.ImagePullSecret{{UID: "u", Namespace: "n", Name: "x"}}}},
		"sha256:both": {"reg.example/app": {KubernetesSecrets: []config.ImagePullSecret{secretA},
			KubernetesServiceAccounts: []config.ImagePullServiceAccount{account}}},
	}
)

func fill(dir string) pullmanager.PullRecordsAccessor {
	accessor := must(pullmanager.NewFSPullRecordsAccessor(logger, dir))
	for ref, mapping := range mappings {
		check(accessor.WriteImagePulledRecord(logger, &config.ImagePulledRecord{LastUpdatedTime: when, ImageRef: ref, CredentialMapping: mapping}))
	}
	for _, image := range []string{"reg.example/pulling:1", "busybox", "reg.example/<&>\u2028:1"} {
		check(accessor.WriteImagePullIntent(logger, image))
	}
	return accessor
}

func read(dir string) []file {
	var files []file
	check(filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		check(err)
		if !entry.IsDir() {
			files = append(files, file{must(filepath.Rel(dir, path)), string(must(os.ReadFile(path)))})
		}
		return nil
	}))
	return files
}

func temporary() string { return must(os.MkdirTemp("", "records")) }

func keyring(kind, text, image string) hashed {
	key, secretType := ".dockerconfigjson", v1.SecretTypeDockerConfigJson
	if kind == "dockercfg" {
		key, secretType = ".dockercfg", v1.SecretTypeDockercfg
	}
	secret := v1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "s", Namespace: "n", UID: types.UID("u")}, Type: secretType, Data: map[string][]byte{key: []byte(text)}}
	result := hashed{Type: kind, Config: text, Image: image, Found: []found{}}
	ring, err := secrets.MakeDockerKeyring([]v1.Secret{secret}, credentialprovider.UnionDockerKeyring{})
	if err != nil {
		result.Error = err.Error()
		return result
	}
	all, _ := ring.Lookup(image)
	for _, one := range all {
		result.Found = append(result.Found, found{one.Username, one.Password, one.AuthConfigHash})
	}
	return result
}

func keyrings() []hashed {
	var all []hashed
	locations := []string{"reg.example", "reg.example:5000", "*.example", "reg.*", "r?g.example", "reg.example/team", "reg.example/team/",
		"https://reg.example/v1/", "http://reg.example/v2/team", "https://index.docker.io/v1/", "docker.io", "index.docker.io", "*", "*.*",
		"reg.example:", "user@reg.example", "reg.example/v1", "[::1]:5000", "reg.example?x=1", "REG.example", "", "reg.example:port", "a b.example"}
	images := []string{"reg.example/team/app", "reg.example:5000/team/app", "reg.example/teams/app", "docker.io/library/busybox", "eu.reg.example/app", "[::1]:5000/app"}
	for _, location := range locations {
		text := string(must(json.Marshal(map[string]any{"auths": map[string]any{location: map[string]string{"username": "u", "password": "p"}}})))
		for _, image := range images {
			all = append(all, keyring("dockerconfigjson", text, image))
		}
	}
	for _, entry := range []string{
		`{"username":"u","password":"p<&>\u2028ü","email":"me@example"}`, `{"username":"u"}`, `{"auth":"dTpwOnc="}`, `{"auth":"dTpw"}`,
		`{"auth":"bm9jb2xvbg=="}`, `{"auth":"!!"}`, `{"auth":"dTpwAA==","email":"e"}`, `{"username":"x","password":"y","auth":"dTpw"}`, `{}`, `7`, `null`,
	} {
		all = append(all, keyring("dockerconfigjson", `{"auths":{"reg.example":`+entry+`}}`, "reg.example/app"))
		all = append(all, keyring("dockercfg", `{"reg.example":`+entry+`}`, "reg.example/app"))
	}
	all = append(all, keyring("dockerconfigjson", `{"auths":{"reg.example":{"username":"broad"},"reg.example/team":{"username":"narrow"},"*.example":{"username":"glob"}}}`, "reg.example/team/app"))
	all = append(all, keyring("dockerconfigjson", `{"auths":`, "reg.example/app"), keyring("dockerconfigjson", `{}`, "reg.example/app"))
	return all
}

func tenants() []tenant {
	rotated := secretA
	rotated.CredentialHash = "hash-new"
	moved := secretA
	moved.Namespace, moved.UID = "team-x", "uid-x"
	other := config.ImagePullSecret{UID: "o", Namespace: "o", Name: "o", CredentialHash: "other"}
	return []tenant{
		{}, {Secrets: []config.ImagePullSecret{secretA}}, {Secrets: []config.ImagePullSecret{rotated}}, {Secrets: []config.ImagePullSecret{moved}},
		{Secrets: []config.ImagePullSecret{{UID: "u", Namespace: "n", Name: "x"}}}, {Secrets: []config.ImagePullSecret{other, secretB}},
		{ServiceAccount: &account}, {ServiceAccount: &config.ImagePullServiceAccount{UID: "other", Namespace: "team-c", Name: "robot"}},
	}
}

func decisions() []decision {
	refs := []string{"sha256:unknown", "sha256:nobody", "sha256:everybody", "sha256:secrets", "sha256:accounts", "sha256:nohash", "sha256:both"}
	images := []string{"reg.example/app:1", "reg.example/app", "reg.example/other:1", "busybox", "busybox:1.36", "reg.example/pulling:1"}
	policies := map[string][]string{"NeverVerify": nil, "NeverVerifyPreloadedImages": nil, "AlwaysVerify": nil,
		"NeverVerifyAllowlistedImages": {"busybox", "reg.example/other"}}
	var all []decision
	for _, policy := range []string{"NeverVerify", "NeverVerifyPreloadedImages", "NeverVerifyAllowlistedImages", "AlwaysVerify"} {
		for _, ref := range refs {
			for _, image := range images {
				for index, tenant := range tenants() {
					dir := temporary()
					accessor := fill(dir)
					before := must(json.Marshal(read(dir)))
					enforcer := must(pullmanager.NewImagePullCredentialVerificationPolicy(config.ImagePullCredentialsVerificationPolicy(policy), policies[policy]))
					manager := must(pullmanager.NewImagePullManager(context.Background(), accessor, enforcer, noImages{}, 1))
					mustPull := must(manager.MustAttemptImagePull(context.Background(), image, ref,
						func() ([]config.ImagePullSecret, *config.ImagePullServiceAccount, error) {
							return tenant.Secrets, tenant.ServiceAccount, nil
						}))
					one := decision{Policy: policy, Image: image, Ref: ref, Tenant: index, MustPull: mustPull}
					if string(before) != string(must(json.Marshal(read(dir)))) {
						record, _, err := accessor.GetImagePulledRecord(ref)
						check(err)
						one.After = string(must(json.Marshal(record.CredentialMapping)))
					}
					all = append(all, one)
					check(os.RemoveAll(dir))
				}
			}
		}
	}
	return all
}

func patterns() []pattern {
	var all []pattern
	for _, text := range []string{"busybox", "reg.example/app", "reg.example/*", "reg.example/team/*", "reg.example:5000/*", "*", "/*", " busybox", "busybox ",
		"", "reg.*/app", "reg.example/app*", "busybox:1", "busybox@sha256:0123456789012345678901234567890123456789012345678901234567890123",
		"Busybox", "reg.example/App", "reg.example//app", "a/*/b/*", "busy box"} {
		one := pattern{Pattern: text}
		if err := pullmanager.ValidateAllowlistImagesPatterns([]string{text}); err != nil {
			one.Error = err.Error()
		}
		all = append(all, one)
	}
	return all
}

func main() {
	klog.SetOutput(os.Stderr)
	dir := temporary()
	fill(dir)
	out := recorded{Files: read(dir), Keyrings: keyrings(), Tenants: tenants(), Decisions: decisions(), Patterns: patterns()}
	check(os.RemoveAll(dir))
	// One item a line.
	fmt.Print("{")
	for i, part := range []struct {
		name  string
		items []string
	}{
		{"files", lines(out.Files)}, {"keyrings", lines(out.Keyrings)}, {"tenants", lines(out.Tenants)},
		{"decisions", lines(out.Decisions)}, {"patterns", lines(out.Patterns)},
	} {
		if i > 0 {
			fmt.Print(",")
		}
		fmt.Printf("\n%q: [\n%s\n]", part.name, strings.Join(part.items, ",\n"))
	}
	fmt.Println("\n}")
}

func lines[T any](items []T) []string {
	var all []string
	for _, item := range items {
		all = append(all, string(must(json.Marshal(item))))
	}
	return all
}

// noImages is a runtime that is never asked.
type noImages struct{ container.ImageService }

// ListImages: the intents stay as they are.
func (noImages) ListImages(context.Context) ([]container.Image, error) { return nil, nil }
