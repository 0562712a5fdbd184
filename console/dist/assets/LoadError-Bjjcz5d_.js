import{a as e}from"./rolldown-runtime-BWaJ3C7D.js";import{n as t,t as n}from"./jsx-runtime-DApVmHJR.js";var r=e(t(),1),i=n(),a=r.createContext(void 0),o=e=>{let t=r.useContext(a);if(e)return e;if(!t)throw Error(`No QueryClient set, use QueryClientProvider to set one`);return t},s=({client:e,children:t})=>(r.useEffect(()=>(e.mount(),()=>{e.unmount()}),[e]),(0,i.jsx)(a.Provider,{value:e,children:t})),c={setTimeout:(e,t)=>setTimeout(e,t),clearTimeout:e=>clearTimeout(e),setInterval:(e,t)=>setInterval(e,t),clearInterval:e=>clearInterval(e)},l=new class{#e=c;setTimeoutProvider(e){this.#e=e}setTimeout(e,t){return this.#e.setTimeout(e,t)}clearTimeout(e){this.#e.clearTimeout(e)}setInterval(e,t){return this.#e.setInterval(e,t)}clearInterval(e){this.#e.clearInterval(e)}};function u(e){setTimeout(e,0)}var d=typeof window>`u`||`Deno`in globalThis;function f(){}function p(e,t){return typeof e==`function`?e(t):e}function m(e){return typeof e==`number`&&e>=0&&e!==1/0}function h(e,t){return Math.max(e+(t||0)-Date.now(),0)}function g(e,t){return typeof e==`function`?e(t):e}function _(e,t){let{type:n=`all`,exact:r,fetchStatus:i,predicate:a,queryKey:o,stale:s}=e;if(o){if(r){if(t.queryHash!==y(o,t.options))return!1}else if(!x(t.queryKey,o))return!1}if(n!==`all`){let e=t.isActive();if(n===`active`&&!e||n===`inactive`&&e)return!1}return!(typeof s==`boolean`&&t.isStale()!==s||i&&i!==t.state.fetchStatus||a&&!a(t))}function v(e,t){let{exact:n,status:r,predicate:i,mutationKey:a}=e;if(a){if(!t.options.mutationKey)return!1;if(n){if(b(t.options.mutationKey)!==b(a))return!1}else if(!x(t.options.mutationKey,a))return!1}return!(r&&t.state.status!==r||i&&!i(t))}function y(e,t){return(t?.queryKeyHashFn||b)(e)}function b(e){return JSON.stringify(e,(e,t)=>w(t)?Object.keys(t).sort().reduce((e,n)=>(e[n]=t[n],e),{}):t)}function x(e,t){if(e===t)return!0;if(typeof e!=typeof t)return!1;if(e&&t&&typeof e==`object`&&typeof t==`object`){if(Array.isArray(e)&&Array.isArray(t)){if(t.length>e.length)return!1;for(let n=0;n<t.length;n++)if(!x(e[n],t[n]))return!1;return!0}let n=Object.keys(t);for(let r of n)if(!x(e[r],t[r]))return!1;return!0}return!1}var S=Object.prototype.hasOwnProperty;function C(e,t,n=0){if(e===t)return e;if(n>500)return t;let r=te(e)&&te(t);if(!r&&!(w(e)&&w(t)))return t;let i=(r?e:Object.keys(e)).length,a=r?t:Object.keys(t),o=a.length,s=r?Array(o):{},c=0;for(let l=0;l<o;l++){let o=r?l:a[l],u=e[o],d=t[o];if(u===d){s[o]=u,(r?l<i:S.call(e,o))&&c++;continue}if(u===null||d===null||typeof u!=`object`||typeof d!=`object`){s[o]=d;continue}let f=C(u,d,n+1);s[o]=f,f===u&&c++}return i===o&&c===i?e:s}function ee(e,t){if(!t||Object.keys(e).length!==Object.keys(t).length)return!1;for(let n of Object.keys(e))if(!S.call(t,n)||e[n]!==t[n])return!1;return!0}function te(e){return Array.isArray(e)&&e.length===Object.keys(e).length}function w(e){if(!ne(e))return!1;let t=Object.getPrototypeOf(e),n=t?.constructor;if(n===void 0)return!0;if(typeof n!=`function`)return!1;let r=n.prototype;return!(!ne(r)||!r.hasOwnProperty(`isPrototypeOf`)||t!==Object.prototype)}function ne(e){return Object.prototype.toString.call(e)===`[object Object]`}function re(e){return new Promise(t=>{l.setTimeout(t,e)})}function T(e,t,n){return typeof n.structuralSharing==`function`?n.structuralSharing(e,t):n.structuralSharing===!1?t:C(e,t)}function ie(e){return e}function ae(e,t,n=0){let r=[...e,t];return n&&r.length>n?r.slice(-n):r}function oe(e,t,n=0){let r=[t,...e];return n&&r.length>n?r.slice(0,n):r}var E=Symbol();function se(e,t){return!e.queryFn&&t?.initialPromise?()=>t.initialPromise:!e.queryFn||e.queryFn===E?()=>Promise.reject(Error(`Missing queryFn: '${e.queryHash}'`)):e.queryFn}function ce(e,t){return typeof e==`function`?e(...t):!!e}var D=Symbol();function le(e,t,n,r){let i=!1,a;return Object.defineProperties(e,{[D]:{value:r},signal:{enumerable:!0,get:()=>(a??=t(),i||(i=!0,a.aborted?n():a.addEventListener(`abort`,n,{once:!0})),a)}}),e}var ue=()=>d,O=()=>ue(),k=class{constructor(){this.listeners=new Set,this.subscribe=this.subscribe.bind(this)}subscribe(e){return this.listeners.add(e),this.onSubscribe(),()=>{this.listeners.delete(e),this.onUnsubscribe()}}hasListeners(){return this.listeners.size>0}onSubscribe(){}onUnsubscribe(){}},de=new class extends k{#e;#t;#n;constructor(){super(),this.#n=e=>{if(typeof window<`u`&&window.addEventListener){let t=()=>e();return window.addEventListener(`visibilitychange`,t,!1),()=>{window.removeEventListener(`visibilitychange`,t)}}}}onSubscribe(){this.#t||this.setEventListener(this.#n)}onUnsubscribe(){this.hasListeners()||(this.#t?.(),this.#t=void 0)}setEventListener(e){this.#n=e,this.#t?.(),this.#t=e(e=>{typeof e==`boolean`?this.setFocused(e):this.onFocus()})}setFocused(e){this.#e!==e&&(this.#e=e,this.onFocus())}onFocus(){let e=this.isFocused();this.listeners.forEach(t=>{t(e)})}isFocused(){return typeof this.#e==`boolean`?this.#e:globalThis.document?.visibilityState!==`hidden`}},fe=u;function pe(){let e=[],t=0,n=e=>{e()},r=e=>{e()},i=fe,a=r=>{t?e.push(r):i(()=>{n(r)})},o=()=>{let t=e;e=[],t.length&&i(()=>{r(()=>{t.forEach(e=>{n(e)})})})};return{batch:e=>{let n;t++;try{n=e()}finally{t--,t||o()}return n},batchCalls:e=>(...t)=>{a(()=>{e(...t)})},schedule:a,setNotifyFunction:e=>{n=e},setBatchNotifyFunction:e=>{r=e},setScheduler:e=>{i=e}}}var A=pe(),j=new class extends k{#e=!0;#t;#n;constructor(){super(),this.#n=e=>{if(typeof window<`u`&&window.addEventListener){let t=()=>e(!0),n=()=>e(!1);return window.addEventListener(`online`,t,!1),window.addEventListener(`offline`,n,!1),()=>{window.removeEventListener(`online`,t),window.removeEventListener(`offline`,n)}}}}onSubscribe(){this.#t||this.setEventListener(this.#n)}onUnsubscribe(){this.hasListeners()||(this.#t?.(),this.#t=void 0)}setEventListener(e){this.#n=e,this.#t?.(),this.#t=e(this.setOnline.bind(this))}setOnline(e){this.#e!==e&&(this.#e=e,this.listeners.forEach(t=>{t(e)}))}isOnline(){return this.#e}};function me(e){return Math.min(1e3*2**e,3e4)}function M(e){return(e??`online`)!==`online`||j.isOnline()}var N=class extends Error{constructor(e){super(`CancelledError`),this.revert=e?.revert,this.silent=e?.silent}};function P(e){let t=!1,n=0,r,i=`pending`,a,o,s=new Promise((e,t)=>{a=e,o=t});s.catch(f);let c=()=>i!==`pending`,l=t=>{if(!c()){let n=new N(t);g(n),e.onCancel?.(n)}},u=()=>{t=!0},d=()=>{t=!1},p=()=>de.isFocused()&&(e.networkMode===`always`||j.isOnline())&&e.canRun(),m=()=>M(e.networkMode)&&e.canRun(),h=e=>{c()||(r?.(),i=`resolved`,a(e))},g=e=>{c()||(r?.(),i=`rejected`,o(e))},_=t=>new Promise(n=>{r=e=>{(c()||t())&&n(e)},e.onPause?.()}).then(()=>{r=void 0,c()||e.onContinue?.()}),v=()=>{if(c())return;let r,i=n===0?e.initialPromise:void 0;try{r=i??e.fn()}catch(e){r=Promise.reject(e)}Promise.resolve(r).then(h).catch(r=>{if(c())return;let i=e.retry??(O()?0:3),a=e.retryDelay??me,o=typeof a==`function`?a(n,r):a,s=i===!0||typeof i==`number`&&n<i||typeof i==`function`&&i(n,r);t||!s?g(r):(n++,e.onFail?.(n,r),re(o).then(()=>c()||p()?void 0:_(p)).then(()=>{t?g(r):v()}))})};return{promise:s,status:()=>i,cancel:l,continue:()=>(r?.(),s),cancelRetry:u,continueRetry:d,canStart:m,start:()=>(m()?v():_(m).then(v),s)}}function he(e){return{onFetch:(t,n)=>{let r=t.options,i=t.fetchOptions?.meta?.fetchMore?.direction,a=t.state.data?.pages||[],o=t.state.data?.pageParams||[],s={pages:[],pageParams:[]},c=0,l=async()=>{let n=!1,l=t,u=e=>{le(e,()=>t.signal,()=>n=!0,l[D])},d=se(t.options,t.fetchOptions),f=async(e,r,i)=>{if(n)return Promise.reject(t.signal.reason);if(r==null&&e.pages.length)return Promise.resolve(e);let a=(()=>{let e={client:t.client,queryKey:t.queryKey,pageParam:r,direction:i?`backward`:`forward`,meta:t.options.meta};return u(e),e})(),o=await d(a),{maxPages:s}=t.options,c=i?oe:ae;return{pages:c(e.pages,o,s),pageParams:c(e.pageParams,r,s)}};if(i&&a.length){let e=i===`backward`,t=e?ge:F,n={pages:a,pageParams:o};s=await f(n,t(r,n),e)}else{let t=e??a.length;do{let e=c===0?o[0]===void 0?r.initialPageParam:o[0]:F(r,s);if(c>0&&e==null)break;s=await f(s,e),c++}while(c<t)}return s};t.fetchFn=t.options.persister?()=>t.options.persister?.(l,{client:t.client,queryKey:t.queryKey,meta:t.options.meta,signal:t.signal},n):l}}}function F(e,{pages:t,pageParams:n}){let r=t.length-1;return t.length>0?e.getNextPageParam(t[r],t,n[r],n):void 0}function ge(e,{pages:t,pageParams:n}){return t.length>0?e.getPreviousPageParam?.(t[0],t,n[0],n):void 0}function _e(e,t){return t?F(e,t)!=null:!1}function ve(e,t){return!t||!e.getPreviousPageParam?!1:ge(e,t)!=null}var ye=class{#e;destroy(){this.clearGcTimeout()}scheduleGc(){this.clearGcTimeout(),m(this.gcTime)&&(this.#e=l.setTimeout(()=>{this.optionalRemove()},this.gcTime))}updateGcTime(e){this.gcTime=Math.max(this.gcTime||0,e??(O()?1/0:3e5))}clearGcTimeout(){this.#e!==void 0&&(l.clearTimeout(this.#e),this.#e=void 0)}},be=class extends ye{#e;#t;#n;#r;#i;#a;#o;#s;#c;constructor(e){super(),this.#c=!1,this.#s=e.defaultOptions,this.setOptions(e.options),this.observers=[],this.#i=e.client,this.#r=this.#i.getQueryCache(),this.queryKey=e.queryKey,this.queryHash=e.queryHash,this.#t=Ce(this.options),this.state=e.state??this.#t,this.scheduleGc()}get meta(){return this.options.meta}get queryType(){return this.#e}get promise(){return this.#a?.promise}setOptions(e){if(this.options={...this.#s,...e},e?._type&&(this.#e=e._type),this.updateGcTime(this.options.gcTime),this.state&&this.state.data===void 0){let e=Ce(this.options);e.data!==void 0&&(this.setState(Se(e.data,e.dataUpdatedAt)),this.#t=e)}}optionalRemove(){!this.observers.length&&this.state.fetchStatus===`idle`&&this.#r.remove(this)}setData(e,t){let n=T(this.state.data,e,this.options);return this.#l({data:n,type:`success`,dataUpdatedAt:t?.updatedAt,manual:t?.manual}),n}setState(e){this.#l({type:`setState`,state:e})}cancel(e){let t=this.#a?.promise;return this.#a?.cancel(e),t?t.then(f).catch(f):Promise.resolve()}destroy(){super.destroy(),this.cancel({silent:!0})}get resetState(){return this.#t}reset(){this.destroy(),this.setState(this.resetState)}isActive(){return this.observers.some(e=>g(e.options.enabled,this)!==!1)}isDisabled(){return this.getObserversCount()>0?!this.isActive():this.options.queryFn===E||!this.isFetched()}isFetched(){return this.state.dataUpdateCount+this.state.errorUpdateCount>0}isStatic(){return this.state.data!==void 0&&this.getObserversCount()>0&&this.observers.some(e=>g(e.options.staleTime,this)===`static`)}isStale(){return this.getObserversCount()>0?this.observers.some(e=>e.getCurrentResult().isStale):this.state.data===void 0||this.state.isInvalidated}isStaleByTime(e=0){return this.state.data===void 0?!0:e===`static`?!1:this.state.isInvalidated?!0:!h(this.state.dataUpdatedAt,e)}onFocus(){this.observers.find(e=>e.shouldFetchOnWindowFocus())?.refetch({cancelRefetch:!1}),this.#a?.continue()}onOnline(){this.observers.find(e=>e.shouldFetchOnReconnect())?.refetch({cancelRefetch:!1}),this.#a?.continue()}addObserver(e){this.observers.includes(e)||(this.observers.push(e),this.clearGcTimeout(),this.#r.notify({type:`observerAdded`,query:this,observer:e}))}removeObserver(e){let t=this.observers.indexOf(e);t!==-1&&(this.observers.splice(t,1),this.observers.length||(this.#a&&(this.#c||this.state.fetchStatus===`paused`&&this.state.status===`pending`?this.#a.cancel({revert:!0}):this.#a.cancelRetry()),this.scheduleGc()),this.#r.notify({type:`observerRemoved`,query:this,observer:e}))}getObserversCount(){return this.observers.length}invalidate(){this.state.isInvalidated||this.#l({type:`invalidate`})}async fetch(e,t){if(this.state.fetchStatus!==`idle`&&this.#a?.status()!==`rejected`){if(this.state.data!==void 0&&t?.cancelRefetch)this.cancel({silent:!0});else if(this.#a&&this.#o)return this.#a.continueRetry(),this.#o}if(e&&this.setOptions(e),!this.options.queryFn){let e=this.observers.find(e=>e.options.queryFn);e&&this.setOptions(e.options)}let n=new AbortController,r=e=>{Object.defineProperties(e,{[D]:{value:n.signal,enumerable:!0},signal:{enumerable:!0,get:()=>(this.#c=!0,n.signal)}})},i=()=>{let e=se(this.options,t),n=(()=>{let e={client:this.#i,queryKey:this.queryKey,meta:this.meta};return r(e),e})();return this.#c=!1,this.options.persister?this.options.persister(e,n,this):e(n)},a=(()=>{let e={fetchOptions:t,options:this.options,queryKey:this.queryKey,client:this.#i,state:this.state,fetchFn:i};return r(e),e})();(this.#e===`infinite`?he(this.options.pages):this.options.behavior)?.onFetch(a,this),this.#n=this.state,(this.state.fetchStatus===`idle`||this.state.fetchMeta!==a.fetchOptions?.meta)&&this.#l({type:`fetch`,meta:a.fetchOptions?.meta});let o=this.#a=P({initialPromise:t?.initialPromise,fn:a.fetchFn,onCancel:e=>{e instanceof N&&e.revert&&this.setState({...this.#n,fetchStatus:`idle`}),n.abort()},onFail:(e,t)=>{this.#l({type:`failed`,failureCount:e,error:t})},onPause:()=>{this.#l({type:`pause`})},onContinue:()=>{this.#l({type:`continue`})},retry:a.options.retry,retryDelay:a.options.retryDelay,networkMode:a.options.networkMode,canRun:()=>!0}),s=(async()=>{try{let e=await o.promise;if(e===void 0)throw Error(`${this.queryHash} data is undefined`);return this.setData(e),this.#r.config.onSuccess?.(e,this),this.#r.config.onSettled?.(e,this.state.error,this),e}catch(e){if(e instanceof N){if(e.silent){if(this.#a!==o&&this.#o)return this.#o;throw e}if(e.revert){if(this.state.data===void 0)throw e;return this.state.data}}throw this.#l({type:`error`,error:e}),this.#r.config.onError?.(e,this),this.#r.config.onSettled?.(this.state.data,e,this),e}finally{this.#a===o&&(this.#a=void 0,this.#o=void 0),this.scheduleGc()}})();return this.#o=s,o.start(),s}#l(e){let t=t=>{switch(e.type){case`failed`:return{...t,fetchFailureCount:e.failureCount,fetchFailureReason:e.error};case`pause`:return{...t,fetchStatus:`paused`};case`continue`:return{...t,fetchStatus:`fetching`};case`fetch`:return{...t,...xe(t.data,this.options),fetchMeta:e.meta??null};case`success`:{let n={...t,...Se(e.data,e.dataUpdatedAt),dataUpdateCount:t.dataUpdateCount+1,...!e.manual&&{fetchStatus:`idle`,fetchFailureCount:0,fetchFailureReason:null}};return this.#n=e.manual?n:void 0,n}case`error`:{let n=e.error;return{...t,error:n,errorUpdateCount:t.errorUpdateCount+1,errorUpdatedAt:Date.now(),fetchFailureCount:t.fetchFailureCount+1,fetchFailureReason:n,fetchStatus:`idle`,status:`error`,isInvalidated:!0}}case`invalidate`:return{...t,isInvalidated:!0};case`setState`:return{...t,...e.state}}};this.state=t(this.state),A.batch(()=>{this.observers.slice().forEach(e=>{e.onQueryUpdate()}),this.#r.notify({query:this,type:`updated`,action:e})})}};function xe(e,t){return{fetchFailureCount:0,fetchFailureReason:null,fetchStatus:M(t.networkMode)?`fetching`:`paused`,...e===void 0&&{error:null,status:`pending`}}}function Se(e,t){return{data:e,dataUpdatedAt:t??Date.now(),error:null,isInvalidated:!1,status:`success`}}function Ce(e){let t=typeof e.initialData==`function`?e.initialData():e.initialData,n=t!==void 0,r=n?typeof e.initialDataUpdatedAt==`function`?e.initialDataUpdatedAt():e.initialDataUpdatedAt:0;return{data:t,dataUpdateCount:0,dataUpdatedAt:n?r??Date.now():0,error:null,errorUpdateCount:0,errorUpdatedAt:0,fetchFailureCount:0,fetchFailureReason:null,fetchMeta:null,isInvalidated:!1,status:n?`success`:`pending`,fetchStatus:`idle`}}var we=class extends ye{#e;#t;#n;#r;constructor(e){super(),this.#e=e.client,this.mutationId=e.mutationId,this.#n=e.mutationCache,this.#t=[],this.state=e.state||Te(),this.setOptions(e.options),this.scheduleGc()}setOptions(e){this.options=e,this.updateGcTime(this.options.gcTime)}get meta(){return this.options.meta}addObserver(e){this.#t.includes(e)||(this.#t.push(e),this.clearGcTimeout(),this.#n.notify({type:`observerAdded`,mutation:this,observer:e}))}removeObserver(e){this.#t=this.#t.filter(t=>t!==e),this.scheduleGc(),this.#n.notify({type:`observerRemoved`,mutation:this,observer:e})}optionalRemove(){this.#t.length||(this.state.status===`pending`?this.scheduleGc():this.#n.remove(this))}continue(){return this.#r?.continue()??(this.state.status===`pending`?this.execute(this.state.variables):Promise.resolve())}async execute(e){let t=()=>{this.#i({type:`continue`})},n={client:this.#e,meta:this.options.meta,mutationKey:this.options.mutationKey},r=this.#r=P({fn:()=>this.options.mutationFn?this.options.mutationFn(e,n):Promise.reject(Error(`No mutationFn found`)),onFail:(e,t)=>{this.#i({type:`failed`,failureCount:e,error:t})},onPause:()=>{this.#i({type:`pause`})},onContinue:t,retry:this.options.retry??0,retryDelay:this.options.retryDelay,networkMode:this.options.networkMode,canRun:()=>this.#n.canRun(this)}),i=this.state.status===`pending`,a=!r.canStart();try{if(i)t();else{this.#i({type:`pending`,variables:e,isPaused:a}),this.#n.config.onMutate&&await this.#n.config.onMutate(e,this,n);let t=await this.options.onMutate?.(e,n);t!==this.state.context&&this.#i({type:`pending`,context:t,variables:e,isPaused:a})}this.state.isPaused&&r.canStart()&&t();let o=await r.start();return await this.#n.config.onSuccess?.(o,e,this.state.context,this,n),await this.options.onSuccess?.(o,e,this.state.context,n),await this.#n.config.onSettled?.(o,null,this.state.variables,this.state.context,this,n),await this.options.onSettled?.(o,null,e,this.state.context,n),this.#i({type:`success`,data:o}),o}catch(t){try{await this.#n.config.onError?.(t,e,this.state.context,this,n)}catch(e){Promise.reject(e)}try{await this.options.onError?.(t,e,this.state.context,n)}catch(e){Promise.reject(e)}try{await this.#n.config.onSettled?.(void 0,t,this.state.variables,this.state.context,this,n)}catch(e){Promise.reject(e)}try{await this.options.onSettled?.(void 0,t,e,this.state.context,n)}catch(e){Promise.reject(e)}throw this.#i({type:`error`,error:t}),t}finally{this.#r===r&&(this.#r=void 0),this.#n.runNext(this)}}#i(e){let t=t=>{switch(e.type){case`failed`:return{...t,failureCount:e.failureCount,failureReason:e.error};case`pause`:return{...t,isPaused:!0};case`continue`:return{...t,isPaused:!1};case`pending`:return{...t,context:e.context,data:void 0,failureCount:0,failureReason:null,error:null,isPaused:e.isPaused,status:`pending`,variables:e.variables,submittedAt:Date.now()};case`success`:return{...t,data:e.data,failureCount:0,failureReason:null,error:null,status:`success`,isPaused:!1};case`error`:return{...t,data:void 0,error:e.error,failureCount:t.failureCount+1,failureReason:e.error,isPaused:!1,status:`error`}}};this.state=t(this.state),A.batch(()=>{this.#t.forEach(t=>{t.onMutationUpdate(e)}),this.#n.notify({mutation:this,type:`updated`,action:e})})}};function Te(){return{context:void 0,data:void 0,error:null,failureCount:0,failureReason:null,isPaused:!1,status:`idle`,variables:void 0,submittedAt:0}}var I=class extends String{__apiType;value;__meta__;constructor(e,t){super(e),this.value=e,this.__meta__=t}toString(){return this.value}};new I(`
    fragment EventLine on AuditEvent {
  id
  type
  at
  via
  resourceServerName
  actor {
    id
    username
    name
  }
  actorIpAddress
  actorUserAgent
  user {
    id
    username
    name
  }
  tokenId
  token {
    id
    description
    hint
  }
  organizations {
    id
    slug
    name
  }
  scopesAdded
  scopesRemoved
  changes {
    field
    before
    after
  }
  reason
  notificationId
}
    `,{fragmentName:`EventLine`}),new I(`
    fragment AuditedTokenDetails on Token {
  id
  uuid
  description
  hint
  status
  createdAt
  expiresAt
  revokedAt
  owner {
    id
    username
    name
    email
  }
  scopes {
    name
    title
    description
    access
    retired
  }
}
    `,{fragmentName:`AuditedTokenDetails`}),new I(`
    fragment AuditedGrant on TokenGrant {
  id
  grantedAt
  ownerIsAdmin
  lastUsedAt
  lastRequest {
    at
    ipAddress
    userAgent
    method
    path
    scope
    allowed
  }
  token {
    ...AuditedTokenDetails
  }
}
    fragment AuditedTokenDetails on Token {
  id
  uuid
  description
  hint
  status
  createdAt
  expiresAt
  revokedAt
  owner {
    id
    username
    name
    email
  }
  scopes {
    name
    title
    description
    access
    retired
  }
}`,{fragmentName:`AuditedGrant`}),new I(`
    fragment SessionDetails on Session {
  id
  createdAt
  lastSeenAt
  expiresAt
  ipAddress
  userAgent
  current
}
    `,{fragmentName:`SessionDetails`}),new I(`
    fragment OwnGrant on TokenGrant {
  id
  status
  grantedAt
  removedAt
  removalReason
  lastUsedAt
  removedBy {
    id
    name
    username
  }
  organization {
    id
    slug
    name
  }
}
    `,{fragmentName:`OwnGrant`}),new I(`
    fragment TokenDetails on Token {
  id
  uuid
  description
  hint
  status
  createdAt
  expiresAt
  revokedAt
  lastUsedAt
  recentAddresses
  lastRequest {
    at
    ipAddress
    userAgent
    method
    path
    scope
    allowed
  }
  owner {
    id
  }
  scopes {
    name
    title
    description
    access
    retired
  }
  unremoved: grants(first: 100, status: [ACTIVE, ENDED]) {
    nodes {
      ...OwnGrant
    }
  }
  removed: grants(first: 100, status: [REMOVED]) {
    nodes {
      ...OwnGrant
    }
  }
}
    fragment OwnGrant on TokenGrant {
  id
  status
  grantedAt
  removedAt
  removalReason
  lastUsedAt
  removedBy {
    id
    name
    username
  }
  organization {
    id
    slug
    name
  }
}`,{fragmentName:`TokenDetails`});var Ee=new I(`
    query MyOrganizations($after: String) {
  viewer {
    id
    organizations(first: 100, after: $after) {
      pageInfo {
        hasNextPage
        endCursor
      }
      edges {
        role
        node {
          id
          slug
          name
        }
      }
    }
  }
}
    `),De=new I(`
    query Catalogue {
  scopes {
    name
    title
    description
    access
    retired
  }
}
    `),Oe=new I(`
    query Viewer {
  tokenPrefix
  session {
    id
    freshUntil
  }
  viewer {
    id
    username
    name
    email
    hasPassword
    organizations(first: 100) {
      edges {
        role
        node {
          id
          slug
          name
        }
      }
    }
  }
}
    `);new I(`
    query FirstLook {
  viewer {
    username
    name
    organizations {
      nodes {
        slug
        name
      }
    }
    tokens(first: 5) {
      totalCount
      nodes {
        description
        hint
        scopes {
          name
        }
        expiresAt
      }
    }
  }
}
    `);var ke=new I(`
    query Audit($slug: String!, $filter: TokenFilter, $orderBy: TokenOrder, $first: Int, $after: String, $last: Int, $before: String) {
  organization(slug: $slug) {
    id
    name
    viewerIsAdmin
    tokenGrants(
      filter: $filter
      orderBy: $orderBy
      first: $first
      after: $after
      last: $last
      before: $before
    ) {
      totalCount
      search {
        text
        kind
      }
      pageInfo {
        hasNextPage
        hasPreviousPage
        startCursor
        endCursor
      }
      nodes {
        id
        tokenId
        ownerIsAdmin
        lastUsedAt
        lastRequest {
          ipAddress
        }
        token {
          description
          hint
          createdAt
          expiresAt
          status
          owner {
            id
            name
            username
          }
          scopes {
            name
            title
            access
          }
        }
      }
    }
  }
}
    `),Ae=new I(`
    query AuditedToken($slug: String!, $tokenId: ID!) {
  organization(slug: $slug) {
    id
    name
    tokenGrant(tokenId: $tokenId) {
      ...AuditedGrant
    }
    auditEvents(first: 25, filter: {tokenId: $tokenId}) {
      totalCount
      nodes {
        ...EventLine
        user {
          email
        }
      }
    }
  }
}
    fragment EventLine on AuditEvent {
  id
  type
  at
  via
  resourceServerName
  actor {
    id
    username
    name
  }
  actorIpAddress
  actorUserAgent
  user {
    id
    username
    name
  }
  tokenId
  token {
    id
    description
    hint
  }
  organizations {
    id
    slug
    name
  }
  scopesAdded
  scopesRemoved
  changes {
    field
    before
    after
  }
  reason
  notificationId
}
fragment AuditedGrant on TokenGrant {
  id
  grantedAt
  ownerIsAdmin
  lastUsedAt
  lastRequest {
    at
    ipAddress
    userAgent
    method
    path
    scope
    allowed
  }
  token {
    ...AuditedTokenDetails
  }
}
fragment AuditedTokenDetails on Token {
  id
  uuid
  description
  hint
  status
  createdAt
  expiresAt
  revokedAt
  owner {
    id
    username
    name
    email
  }
  scopes {
    name
    title
    description
    access
    retired
  }
}`),je=new I(`
    mutation RemoveOrganization($input: RemoveOrganizationFromTokenInput!) {
  removeOrganizationFromToken(input: $input) {
    grant {
      id
      removedAt
      removalReason
      removedBy {
        id
        username
        name
      }
    }
  }
}
    `),Me=new I(`
    query Log($slug: String!, $filter: AuditEventFilter, $first: Int, $after: String, $last: Int, $before: String) {
  organization(slug: $slug) {
    id
    name
    auditEvents(
      filter: $filter
      first: $first
      after: $after
      last: $last
      before: $before
    ) {
      totalCount
      pageInfo {
        hasNextPage
        hasPreviousPage
        startCursor
        endCursor
      }
      nodes {
        ...EventLine
      }
    }
  }
}
    fragment EventLine on AuditEvent {
  id
  type
  at
  via
  resourceServerName
  actor {
    id
    username
    name
  }
  actorIpAddress
  actorUserAgent
  user {
    id
    username
    name
  }
  tokenId
  token {
    id
    description
    hint
  }
  organizations {
    id
    slug
    name
  }
  scopesAdded
  scopesRemoved
  changes {
    field
    before
    after
  }
  reason
  notificationId
}`),Ne=new I(`
    query LogNames($ids: [ID!]!) {
  nodes(ids: $ids) {
    __typename
    id
    ... on User {
      name
      username
    }
    ... on Token {
      description
      hint
    }
  }
}
    `),Pe=new I(`
    query LogMembers($slug: String!, $search: String!) {
  organization(slug: $slug) {
    id
    members(first: 8, search: $search) {
      nodes {
        id
        name
        username
      }
    }
  }
}
    `),Fe=new I(`
    query LogTokens($slug: String!, $filter: TokenFilter) {
  organization(slug: $slug) {
    id
    tokenGrants(first: 8, filter: $filter) {
      nodes {
        id
        tokenId
        token {
          description
          hint
          owner {
            name
          }
        }
      }
    }
  }
}
    `),Ie=new I(`
    query Members($slug: String!, $search: String, $role: OrganizationRole, $first: Int, $after: String, $last: Int, $before: String) {
  organization(slug: $slug) {
    id
    name
    viewerIsAdmin
    members(
      search: $search
      role: $role
      first: $first
      after: $after
      last: $last
      before: $before
    ) {
      totalCount
      pageInfo {
        hasNextPage
        hasPreviousPage
        startCursor
        endCursor
      }
      edges {
        role
        joinedAt
        node {
          id
          username
          name
          email
        }
      }
    }
  }
}
    `),Le=new I(`
    query TokensOfMember($slug: String!, $owner: String!, $after: String) {
  organization(slug: $slug) {
    id
    tokenGrants(filter: {owner: $owner}, first: 100, after: $after) {
      pageInfo {
        hasNextPage
        endCursor
      }
      nodes {
        id
        token {
          owner {
            id
          }
        }
      }
    }
  }
}
    `),Re=new I(`
    mutation AddMember($input: AddOrganizationMemberInput!) {
  addOrganizationMember(input: $input) {
    member {
      id
      name
    }
  }
}
    `),ze=new I(`
    mutation UpdateMember($input: UpdateOrganizationMemberInput!) {
  updateOrganizationMember(input: $input) {
    member {
      id
    }
  }
}
    `),Be=new I(`
    mutation RemoveMember($input: RemoveOrganizationMemberInput!) {
  removeOrganizationMember(input: $input) {
    removedUserId
  }
}
    `),Ve=new I(`
    query TokenToCopy($id: ID!) {
  token(id: $id) {
    id
    description
    owner {
      id
    }
    scopes {
      name
    }
    grants(first: 100, status: [ACTIVE, ENDED]) {
      nodes {
        organization {
          id
          slug
          name
        }
      }
    }
  }
}
    `),He=new I(`
    mutation CreateToken($input: CreateTokenInput!) {
  createToken(input: $input) {
    value
    token {
      id
      description
      expiresAt
      scopes {
        name
        title
        access
      }
      organizations {
        id
        name
      }
    }
  }
}
    `),Ue=new I(`
    query OrganizationSettings($slug: String!) {
  organization(slug: $slug) {
    id
    uuid
    slug
    name
    createdAt
    viewerIsAdmin
    members(first: 1) {
      totalCount
    }
    administrators: members(first: 1, role: ADMIN) {
      totalCount
    }
    tokenGrants(first: 1) {
      totalCount
    }
  }
}
    `),We=new I(`
    mutation UpdateOrganization($input: UpdateOrganizationInput!) {
  updateOrganization(input: $input) {
    organization {
      id
      name
    }
  }
}
    `),Ge=new I(`
    query Settings {
  viewer {
    id
    username
    name
    email
    createdAt
    hasPassword
    sessions(first: 100) {
      totalCount
      nodes {
        ...SessionDetails
      }
    }
  }
}
    fragment SessionDetails on Session {
  id
  createdAt
  lastSeenAt
  expiresAt
  ipAddress
  userAgent
  current
}`),Ke=new I(`
    mutation UpdateProfile($input: UpdateProfileInput!) {
  updateProfile(input: $input) {
    user {
      id
      name
    }
  }
}
    `),qe=new I(`
    mutation ChangePassword($input: ChangePasswordInput!) {
  changePassword(input: $input) {
    user {
      id
    }
  }
}
    `),Je=new I(`
    mutation EndSession($input: EndSessionInput!) {
  endSession(input: $input) {
    endedSessionId
  }
}
    `),Ye=new I(`
    mutation EndSessions($input: EndSessionsInput!) {
  endSessions(input: $input) {
    ended
  }
}
    `),Xe=new I(`
    query OwnToken($id: ID!) {
  viewer {
    id
  }
  token(id: $id) {
    ...TokenDetails
  }
}
    fragment TokenDetails on Token {
  id
  uuid
  description
  hint
  status
  createdAt
  expiresAt
  revokedAt
  lastUsedAt
  recentAddresses
  lastRequest {
    at
    ipAddress
    userAgent
    method
    path
    scope
    allowed
  }
  owner {
    id
  }
  scopes {
    name
    title
    description
    access
    retired
  }
  unremoved: grants(first: 100, status: [ACTIVE, ENDED]) {
    nodes {
      ...OwnGrant
    }
  }
  removed: grants(first: 100, status: [REMOVED]) {
    nodes {
      ...OwnGrant
    }
  }
}
fragment OwnGrant on TokenGrant {
  id
  status
  grantedAt
  removedAt
  removalReason
  lastUsedAt
  removedBy {
    id
    name
    username
  }
  organization {
    id
    slug
    name
  }
}`),Ze=new I(`
    query OwnTokenEvents($id: ID!, $after: String) {
  token(id: $id) {
    id
    events(first: 20, after: $after) {
      totalCount
      pageInfo {
        hasNextPage
        endCursor
      }
      nodes {
        ...EventLine
      }
    }
  }
}
    fragment EventLine on AuditEvent {
  id
  type
  at
  via
  resourceServerName
  actor {
    id
    username
    name
  }
  actorIpAddress
  actorUserAgent
  user {
    id
    username
    name
  }
  tokenId
  token {
    id
    description
    hint
  }
  organizations {
    id
    slug
    name
  }
  scopesAdded
  scopesRemoved
  changes {
    field
    before
    after
  }
  reason
  notificationId
}`),Qe=new I(`
    mutation UpdateToken($input: UpdateTokenInput!) {
  updateToken(input: $input) {
    token {
      id
    }
  }
}
    `),$e=new I(`
    mutation AddOrganization($input: AddOrganizationToTokenInput!) {
  addOrganizationToToken(input: $input) {
    grant {
      id
    }
  }
}
    `),et=new I(`
    mutation RemoveOwnOrganization($input: RemoveOrganizationFromTokenInput!) {
  removeOrganizationFromToken(input: $input) {
    grant {
      id
    }
  }
}
    `),tt=new I(`
    mutation RevokeToken($input: RevokeTokenInput!) {
  revokeToken(input: $input) {
    token {
      id
    }
  }
}
    `),nt=new I(`
    query Tokens($filter: TokenFilter, $orderBy: TokenOrder, $first: Int, $after: String, $last: Int, $before: String) {
  viewer {
    id
    ended: tokens(first: 1, filter: {status: [EXPIRED, REVOKED]}) {
      totalCount
    }
    tokens(
      filter: $filter
      orderBy: $orderBy
      first: $first
      after: $after
      last: $last
      before: $before
    ) {
      totalCount
      search {
        text
        kind
      }
      pageInfo {
        hasNextPage
        hasPreviousPage
        startCursor
        endCursor
      }
      nodes {
        id
        description
        hint
        status
        createdAt
        expiresAt
        lastUsedAt
        organizations {
          id
          name
        }
        removed: grants(first: 5, status: [REMOVED]) {
          nodes {
            id
            removedBy {
              id
            }
            organization {
              id
              name
            }
          }
        }
        scopes {
          name
          title
          access
        }
      }
    }
  }
}
    `),rt={"X-Tokenward-Console":`1`},L=class extends Error{code;field;requestId;retryAfter;constructor(e,t,n,r,i){super(e),this.code=t,this.field=n,this.requestId=r,this.retryAfter=i,this.name=`Refusal`}},it=(e,t)=>e instanceof L&&e.code===t,at=`Could not reach the service. Check your connection and try again.`,ot=`The service is temporarily unavailable. Try again in a moment.`,R=`The service returned an unexpected response. Try again. If the problem persists, contact your operator.`,z={confirm:async()=>!1,signedOut:()=>{}};function st(e){Object.assign(z,e)}async function ct(e,t,n){let r=await H(e.toString(),t,n);if(!r.errors?.some(e=>e.extensions?.reauthenticate))return ft(r);if(!await z.confirm())throw new L(`Confirm your password to make this change.`,`UNAUTHENTICATED`);return ft(await H(e.toString(),t,n))}async function lt(e){return(await U(`/graphql`,{method:`POST`,headers:{Accept:`application/graphql-response+json`,"Content-Type":`application/json`},body:JSON.stringify({query:`query Here { viewer { id } }`}),signal:e})).ok}var B,V=0;async function ut(e){let t=mt(`POST`,`/session/confirm`,{password:e}),n=t.catch(()=>{}).then(()=>{V+=1,B===n&&(B=void 0)});B=n,await t}async function H(e,t,n){let r=V,i=await dt(e,t,n);if(i.unauthenticated&&(B||V!==r)&&(await B,i=await dt(e,t,n)),!i.unauthenticated)return i;throw z.signedOut(),new L(`You are signed out. Sign in to continue.`,`UNAUTHENTICATED`,void 0,i.requestId)}async function dt(e,t,n){let r=await U(`/graphql`,{method:`POST`,headers:{Accept:`application/graphql-response+json`,"Content-Type":`application/json`},body:JSON.stringify({query:e,variables:t}),signal:n}),i=r.headers.get(`X-Request-Id`)??void 0,a;try{a=await r.json()}catch{throw new L(r.status>=500?ot:R,`INTERNAL`,void 0,i)}let o=a.errors?.some(e=>e.extensions?.reauthenticate);return{...a,requestId:i,unauthenticated:r.status===401&&!o}}function ft({data:e,errors:t,requestId:n}){let r=t?.[0];if(r){let{code:e=`INTERNAL`,field:t,requestId:i=n,retryAfter:a}=r.extensions??{};throw new L(pt(e,r.message),e,t,i,a)}if(!e)throw new L(R,`INTERNAL`,void 0,n);return e}var pt=(e,t)=>e===`UNAVAILABLE`?ot:e===`INTERNAL`?`An internal error occurred. Try again. If the problem persists, send the request ID to your operator.`:t;async function mt(e,t,n){let r=await U(t,{method:e,headers:n===void 0?{}:{"Content-Type":`application/json`},body:n===void 0?void 0:JSON.stringify(n)});if(r.ok)return r;let i=await r.json().catch(()=>({})),a=r.headers.get(`X-Request-Id`)??void 0,o=Number(r.headers.get(`Retry-After`))||void 0,s=ht[r.status]??`INTERNAL`;throw new L(i.message?pt(s,i.message):R,s,i.field,a,o)}var ht={401:`UNAUTHENTICATED`,403:`FORBIDDEN`,404:`NOT_FOUND`,400:`INVALID_INPUT`,422:`INVALID_INPUT`,429:`RATE_LIMITED`,503:`UNAVAILABLE`};async function U(e,t){try{return await fetch(e,{...t,credentials:`same-origin`,headers:{...t.headers,...rt}})}catch(e){throw e instanceof DOMException&&e.name===`AbortError`?e:new L(at,`NETWORK`)}}var W={button:`_button_1qmz7_1`,small:`_small_1qmz7_28`,primary:`_primary_1qmz7_34`,danger:`_danger_1qmz7_45`,quiet:`_quiet_1qmz7_56`,spinner:`_spinner_1qmz7_71`,turn:`_turn_1qmz7_1`};function gt({kind:e=`plain`,size:t=`normal`}){return`${W.button} ${W[e]} ${t===`small`?W.small:``}`}function _t({kind:e,size:t,icon:n,busy:r=!1,children:a,className:o=``,...s}){let c=r||s[`aria-disabled`]===!0||s[`aria-disabled`]===`true`;return(0,i.jsxs)(`button`,{type:`button`,...s,className:`${gt({kind:e,size:t})} ${o}`,"aria-disabled":c||void 0,onClick:c?e=>e.preventDefault():s.onClick,children:[r?(0,i.jsx)(`span`,{className:W.spinner,"aria-hidden":`true`}):n,a]})}var vt=e=>e?.replace(/([a-z0-9])([A-Z])/g,`$1-$2`).toLowerCase();function yt(e,t,n=[]){if(t==null)throw Error(`[lucide]: iconNode is required when icon name is used`);return{name:vt(e),size:24,node:t,...n.length>0?{aliases:n}:{}}}var bt=e=>{let t=``,n=!1;for(let r of e)r===`-`||r===`_`||r<=` `?n=t.length>0:(t.length===0?t+=r.toLowerCase():t+=n?r.toUpperCase():r,n=!1);return t},xt=e=>{let t=bt(e);return t.charAt(0).toUpperCase()+t.slice(1)},G=(...e)=>{let t=new Set;for(let n of e)if(typeof n==`string`)for(let e of n.split(/\s+/))e&&t.add(e);return[...t].join(` `)},K={xmlns:`http://www.w3.org/2000/svg`,width:24,height:24,viewBox:`0 0 24 24`,fill:`none`,stroke:`currentColor`,"stroke-width":2,"stroke-linecap":`round`,"stroke-linejoin":`round`};function q(e){return e!=null}function St(e,t={}){let n=t.attributeNames??{},r=e=>n[e]??e,i=e.size??e.width??K.width,a=e.size??e.height??K.height,o=e.aliases?.filter(e=>typeof e==`string`&&e.trim()!==``).map(e=>`lucide-${e}`)??[],s=[...e.name?[`lucide-${e.name}`]:[],...o],c=t.className?.split(` `).filter(Boolean)??[],l=t.includeDefaultClasses===!1?G(...c):G(`lucide`,...s,...c),u=t.absoluteStrokeWidth?Number(t.strokeWidth??K[`stroke-width`])*Number(e.size??e.width??K.width)/Number(t.size??t.width??K.width):t.strokeWidth??K[`stroke-width`];return[`svg`,{...Object.entries(K).reduce((e,[t,n])=>(e[r(t)]=n,e),{}),...`color`in t&&t.color&&{[r(`stroke`)]:t.color},...`size`in t&&q(t.size)&&{[r(`width`)]:t.size,[r(`height`)]:t.size},...`width`in t&&q(t.width)&&{[r(`width`)]:t.width},...`height`in t&&q(t.height)&&{[r(`height`)]:t.height},[r(`stroke-width`)]:u,...l&&{[r(`class`)]:l},[r(`viewBox`)]:`0 0 ${i} ${a}`,...t.hasA11yProp===!1?{[r(`aria-hidden`)]:`true`}:{},...`attributes`in t&&t.attributes},e.node.map(e=>{let[n,i,a]=e,o=t.nonScalingStroke?{[r(`vector-effect`)]:`non-scaling-stroke`,...i}:i;return a?[n,o,a]:[n,o]})]}function Ct(e,t={}){return St(e,{...t,attributeNames:{...t.attributeNames,class:`className`,"stroke-width":`strokeWidth`,"stroke-linecap":`strokeLinecap`,"stroke-linejoin":`strokeLinejoin`,"vector-effect":`vectorEffect`}})}var wt=e=>{if(typeof e!=`object`||!e)return!1;for(let t in e)if(Object.prototype.hasOwnProperty.call(e,t)&&(t.startsWith(`aria-`)||t===`role`||t===`title`)&&e[t]!=null)return!0;return!1},Tt=(0,r.createContext)({}),Et=()=>(0,r.useContext)(Tt),Dt=(0,r.forwardRef)(({color:e,size:t,width:n,height:i,strokeWidth:a,absoluteStrokeWidth:o,nonScalingStroke:s,className:c=``,children:l,iconNode:u=[],icon:d={node:u,aliases:[],size:24},...f},p)=>{let{size:m=24,strokeWidth:h=2,absoluteStrokeWidth:g=!1,nonScalingStroke:_=!1,color:v=`currentColor`,className:y=``}=Et()??{},b=!!l||wt(f),[x,S,C=[]]=Ct(d,{color:e??v,width:n??t??m,height:i??t??m,strokeWidth:a??h,absoluteStrokeWidth:o??g,nonScalingStroke:s??_,className:G(y,c),hasA11yProp:b,attributes:f});return(0,r.createElement)(x,{ref:p,...S},[...C.map(([e,t])=>(0,r.createElement)(e,t)),...Array.isArray(l)?l:[l]])});function J(e,t=[],n=[]){let i=typeof e==`string`?yt(e,t,n):e,a=(0,r.forwardRef)(({className:e,...t},n)=>(0,r.createElement)(Dt,{ref:n,icon:i,className:e,...t}));return i.name&&(a.displayName=xt(i.name)),a}var Ot={name:`circle-exclamation-point`,size:24,node:[[`circle`,{cx:`12`,cy:`12`,r:`10`,key:`1mglay`}],[`line`,{x1:`12`,x2:`12`,y1:`8`,y2:`12`,key:`1pkeuh`}],[`line`,{x1:`12`,x2:`12.01`,y1:`16`,y2:`16`,key:`4dfq90`}]],aliases:[`alert-circle`,`circle-alert`]};Ot.node;var kt=J(Ot),At={name:`eye-off`,size:24,node:[[`path`,{d:`M10.733 5.076a10.744 10.744 0 0 1 11.205 6.575 1 1 0 0 1 0 .696 10.747 10.747 0 0 1-1.444 2.49`,key:`ct8e1f`}],[`path`,{d:`M14.084 14.158a3 3 0 0 1-4.242-4.242`,key:`151rxh`}],[`path`,{d:`M17.479 17.499a10.75 10.75 0 0 1-15.417-5.151 1 1 0 0 1 0-.696 10.75 10.75 0 0 1 4.446-5.143`,key:`13bj9a`}],[`path`,{d:`m2 2 20 20`,key:`1ooewy`}]]};At.node;var jt=J(At),Mt={name:`eye`,size:24,node:[[`path`,{d:`M2.062 12.348a1 1 0 0 1 0-.696 10.75 10.75 0 0 1 19.876 0 1 1 0 0 1 0 .696 10.75 10.75 0 0 1-19.876 0`,key:`1nclc0`}],[`circle`,{cx:`12`,cy:`12`,r:`3`,key:`1v7zrd`}]]};Mt.node;var Nt=J(Mt),Pt={name:`info`,size:24,node:[[`circle`,{cx:`12`,cy:`12`,r:`10`,key:`1mglay`}],[`path`,{d:`M12 16v-4`,key:`1dtifu`}],[`path`,{d:`M12 8h.01`,key:`e9boi3`}]]};Pt.node;var Ft=J(Pt),Y={name:`triangle-exclamation-point`,size:24,node:[[`path`,{d:`m21.73 18-8-14a2 2 0 0 0-3.48 0l-8 14A2 2 0 0 0 4 21h16a2 2 0 0 0 1.73-3`,key:`wmoenq`}],[`path`,{d:`M12 9v4`,key:`juzpu7`}],[`path`,{d:`M12 17h.01`,key:`p32p05`}]],aliases:[`alert-triangle`,`triangle-alert`]};Y.node;var It=J(Y),Lt=class extends r.Component{state={failed:!1};static getDerivedStateFromError(){return{failed:!0}}componentDidUpdate(e){this.state.failed&&e.children!==this.props.children&&this.setState({failed:!1})}render(){return this.state.failed?(0,i.jsx)(`span`,{className:`muted`,children:`Cannot be displayed`}):this.props.children}},X={head:`_head_iigxo_1`,actions:`_actions_iigxo_26`,panel:`_panel_iigxo_32`,dangerous:`_dangerous_iigxo_47`,title:`_title_iigxo_51`,notice:`_notice_iigxo_57`,info:`_info_iigxo_79`,warn:`_warn_iigxo_83`,danger:`_danger_iigxo_47`,empty:`_empty_iigxo_99`,facts:`_facts_iigxo_115`,skeleton:`_skeleton_iigxo_144`,breathe:`_breathe_iigxo_1`,tall:`_tall_iigxo_156`};function Rt({title:e,about:t,actions:n}){return(0,r.useEffect)(()=>{document.title=`${e} · Tokenward`},[e]),(0,i.jsxs)(`header`,{className:X.head,children:[(0,i.jsxs)(`div`,{children:[(0,i.jsx)(`h1`,{tabIndex:-1,children:e}),t&&(0,i.jsx)(`p`,{className:`muted`,children:t})]}),n&&(0,i.jsx)(`div`,{className:X.actions,children:n})]})}function zt({id:e,title:t,about:n,children:r,tone:a}){return(0,i.jsxs)(`section`,{id:e,className:`${X.panel} ${a===`danger`?X.dangerous:``}`,children:[t&&(0,i.jsxs)(`div`,{className:X.title,children:[(0,i.jsx)(`h2`,{children:t}),n&&(0,i.jsx)(`p`,{className:`muted`,children:n})]}),r]})}var Bt={info:Ft,warn:It,danger:kt};function Vt({tone:e=`info`,title:t,children:n}){let r=Bt[e];return(0,i.jsxs)(`div`,{className:`${X.notice} ${X[e]}`,role:e===`danger`?`alert`:void 0,children:[(0,i.jsx)(r,{size:18,"aria-hidden":`true`}),(0,i.jsxs)(`div`,{children:[t&&(0,i.jsx)(`strong`,{children:t}),n]})]})}function Ht({title:e,children:t,action:n}){return(0,i.jsxs)(`div`,{className:X.empty,children:[(0,i.jsx)(`h2`,{children:e}),t&&(0,i.jsx)(`div`,{className:`muted`,children:t}),n&&(0,i.jsx)(`div`,{children:n})]})}function Ut({children:e}){return(0,i.jsx)(`dl`,{className:X.facts,children:e})}function Wt({name:e,children:t}){return(0,i.jsxs)(`div`,{children:[(0,i.jsx)(`dt`,{children:e}),(0,i.jsx)(`dd`,{children:(0,i.jsx)(Lt,{children:t})})]})}function Gt({lines:e=3,tall:t=!1}){return(0,i.jsxs)(`div`,{className:X.skeleton,"aria-busy":`true`,children:[(0,i.jsx)(`span`,{className:`hidden`,children:`Loading…`}),Array.from({length:e},(e,n)=>(0,i.jsx)(`div`,{className:t?X.tall:void 0},n))]})}var Z={field:`_field_18iv3_1`,check:`_check_18iv3_8`,input:`_input_18iv3_17`,help:`_help_18iv3_45`,error:`_error_18iv3_50`,choice:`_choice_18iv3_74`,password:`_password_18iv3_92`};function Kt({label:e,help:t,error:n,...a}){let o=(0,r.useId)();return(0,i.jsx)($,{id:o,label:e,help:t,error:n,children:(0,i.jsx)(`input`,{...a,...Q(o,t,n),className:Z.input})})}function qt({label:e,help:t,error:n,...a}){let o=(0,r.useId)();return(0,i.jsx)($,{id:o,label:e,help:t,error:n,children:(0,i.jsx)(`textarea`,{...a,...Q(o,t,n),className:Z.input})})}function Jt({label:e,help:t,error:n,children:a,...o}){let s=(0,r.useId)();return(0,i.jsx)($,{id:s,label:e,help:t,error:n,children:(0,i.jsx)(`select`,{...o,...Q(s,t,n),className:Z.input,children:a})})}function Q(e,t,n){return{id:e,"aria-describedby":[t&&`${e}help`,n&&`${e}error`].filter(Boolean).join(` `)||void 0,"aria-invalid":n?!0:void 0}}function $({id:e,label:t,help:n,error:r,children:a}){return(0,i.jsxs)(`div`,{className:Z.field,children:[(0,i.jsx)(`label`,{htmlFor:e,children:t}),a,n&&(0,i.jsx)(`p`,{id:`${e}help`,className:Z.help,children:n}),r&&(0,i.jsx)(`p`,{id:`${e}error`,className:Z.error,children:r})]})}function Yt({label:e,help:t,...n}){let a=(0,r.useId)();return(0,i.jsxs)(`div`,{className:Z.check,children:[(0,i.jsx)(`input`,{type:`checkbox`,...n,id:a,"aria-describedby":t?`${a}help`:void 0}),(0,i.jsx)(`label`,{htmlFor:a,children:e}),t&&(0,i.jsx)(`p`,{id:`${a}help`,className:Z.help,children:t})]})}function Xt({legend:e,help:t,error:n,children:a}){let o=(0,r.useId)();return(0,i.jsxs)(`fieldset`,{className:Z.choice,"aria-describedby":[t&&`${o}help`,n&&`${o}error`].filter(Boolean).join(` `)||void 0,"data-wrong":n?!0:void 0,children:[(0,i.jsx)(`legend`,{children:e}),t&&(0,i.jsx)(`p`,{id:`${o}help`,className:Z.help,children:t}),n&&(0,i.jsx)(`p`,{id:`${o}error`,className:Z.error,children:n}),a]})}function Zt({label:e,help:t,error:n,...a}){let o=(0,r.useId)(),[s,c]=(0,r.useState)(!1),l=s?jt:Nt;return(0,i.jsx)($,{id:o,label:e,help:t,error:n,children:(0,i.jsxs)(`div`,{className:Z.password,children:[(0,i.jsx)(`input`,{autoCapitalize:`off`,autoCorrect:`off`,spellCheck:!1,...a,...Q(o,t,n),type:s?`text`:`password`,className:Z.input}),(0,i.jsx)(`button`,{type:`button`,"aria-label":`Show ${e.toLowerCase()}`,"aria-pressed":s,onClick:()=>c(!s),children:(0,i.jsx)(l,{size:16,"aria-hidden":`true`})})]})})}function Qt(e,t){(0,r.useEffect)(()=>{t&&e.current?.querySelector(`[aria-invalid="true"], [data-wrong] input:not(:disabled), [data-wrong] button`)?.focus()},[e,t])}function $t({error:e,onRetry:t}){let n=e instanceof L?e:void 0;return(0,i.jsxs)(Vt,{tone:`danger`,title:it(e,`FORBIDDEN`)?`Access denied`:`Could not load this data`,children:[(0,i.jsx)(`p`,{children:n?.message??`Something went wrong on this page. Reload it to try again.`}),n?.requestId&&(0,i.jsxs)(`p`,{className:`small`,children:[`Request ID `,(0,i.jsx)(`code`,{children:n.requestId})]}),t&&(0,i.jsx)(`div`,{children:(0,i.jsx)(_t,{size:`small`,onClick:t,children:`Try again`})})]})}function en(e){if(!(e instanceof L))return`Something went wrong on this page. Reload it to try again.`;let t=e.requestId&&[`INTERNAL`,`UNAVAILABLE`].includes(e.code)?` Request ID: ${e.requestId}`:``;return e.message+t}export{Le as $,ke as A,h as At,Fe as B,mt as C,f as Ct,st as D,ee as Dt,lt as E,g as Et,Je as F,Ze as G,Ee as H,Ye as I,et as J,Be as K,Me as L,De as M,s as Mt,qe as N,o as Nt,Re as O,ce as Ot,He as P,nt as Q,Pe as R,ct as S,_ as St,it as T,T as Tt,Ue as U,Ie as V,Xe as W,Ge as X,tt as Y,Ve as Z,Lt as _,b as _t,Xt as a,we as at,gt as b,ie as bt,qt as c,xe as ct,Wt as d,j as dt,ze as et,Ut as f,A as ft,Gt as g,p as gt,zt as h,O as ht,Kt as i,Oe as it,Ae as j,l as jt,$e as k,E as kt,Qt as l,_e as lt,Rt as m,k as mt,en as n,Ke as nt,Zt as o,Te as ot,Vt as p,de as pt,je as q,Yt as r,Qe as rt,Jt as s,be as st,$t as t,We as tt,Ht as u,ve as ut,J as v,y as vt,ut as w,x as wt,L as x,v as xt,_t as y,m as yt,Ne as z};