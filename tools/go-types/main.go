// Describes the Go types of a Pod template and a claim template in k8s.io/api, for apps/collaset-controller:
// `npm run generate -w @kuperator/collaset-controller` runs this for the version in go.mod and for kubernetes-1.22.mod.
//
// For each struct it writes the fields by JSON name, with the type in Go's notation: `*` is a pointer, `[]` a list,
// `{}` a map. `!` at the end means that Go writes the field even when it is empty (no omitempty).
package main

import (
	"fmt"
	"os"
	"reflect"
	"sort"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Types that define their own JSON form.
var scalars = map[string]string{
	"k8s.io/apimachinery/pkg/api/resource.Quantity":   "Quantity",
	"k8s.io/apimachinery/pkg/apis/meta/v1.Time":       "Time",
	"k8s.io/apimachinery/pkg/apis/meta/v1.FieldsV1":   "any",
	"k8s.io/apimachinery/pkg/util/intstr.IntOrString": "IntOrString",
}

type table struct {
	structs map[string]map[string]string
	owners  map[string]reflect.Type
}

func (t *table) name(typ reflect.Type) string {
	if name, ok := scalars[typ.PkgPath()+"."+typ.Name()]; ok {
		return name
	}
	switch typ.Kind() {
	case reflect.Ptr:
		return "*" + t.name(typ.Elem())
	case reflect.Slice:
		return "[]" + t.name(typ.Elem())
	case reflect.Map:
		return "{}" + t.name(typ.Elem())
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "bool"
	case reflect.Int32, reflect.Int64:
		return "int"
	case reflect.Struct:
		return t.describe(typ)
	}
	panic(fmt.Sprintf("no JSON form known for %s", typ))
}

func (t *table) describe(typ reflect.Type) string {
	if owner, ok := t.owners[typ.Name()]; ok {
		if owner != typ {
			panic(fmt.Sprintf("%s and %s have the same name", owner, typ))
		}
		return typ.Name()
	}
	t.owners[typ.Name()] = typ
	fields := map[string]string{}
	t.structs[typ.Name()] = fields
	t.collect(typ, fields)
	return typ.Name()
}

func (t *table) collect(typ reflect.Type, fields map[string]string) {
	for i := 0; i < typ.NumField(); i++ {
		field := typ.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		if name == "" {
			t.collect(field.Type, fields)
			continue
		}
		suffix := ""
		if !strings.Contains(options, "omitempty") && !strings.Contains(options, "omitzero") {
			suffix = "!"
		}
		fields[name] = t.name(field.Type) + suffix
	}
}

func main() {
	t := &table{map[string]map[string]string{}, map[string]reflect.Type{}}
	t.describe(reflect.TypeOf(corev1.PodTemplateSpec{}))
	t.describe(reflect.TypeOf(corev1.PersistentVolumeClaim{}))
	out := &strings.Builder{}
	for _, name := range sorted(t.structs) {
		fmt.Fprintf(out, "  %s: {\n", name)
		for _, field := range sorted(t.structs[name]) {
			fmt.Fprintf(out, "    %s: '%s',\n", field, t.structs[name][field])
		}
		fmt.Fprintf(out, "  },\n")
	}
	os.Stdout.WriteString(out.String())
}

func sorted[V any](m map[string]V) []string {
	keys := []string{}
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}
